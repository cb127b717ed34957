"""What the stack tells the person who started it: on the console, and as `demo.env` for programs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MODEL = "simulator/sim-fast"


@dataclass(frozen=True)
class Access:
    """Where the gateway is and the keys to it. Its repr shows no key."""

    url: str
    api_key: str
    admin_key: str

    def __repr__(self) -> str:
        return f"Access(url={self.url!r})"


def write_environment(path: Path, access: Access) -> None:
    """Write `demo.env`, readable by its owner only, in one step: it appears when the gateway is ready."""
    lines = (
        f"SLUICE_URL={access.url}",
        f"SLUICE_API_KEY={access.api_key}",
        f"SLUICE_ADMIN_KEY={access.admin_key}",
    )
    draft = path.with_suffix(".draft")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    draft.replace(path)


def banner(access: Access, environment: Path, providers: Sequence[str]) -> str:
    """Return what is printed when the gateway is ready. `providers` are those whose keys were in the environment."""
    known = f"simulator, {', '.join(providers)}" if providers else "simulator"
    more = "" if providers else " (set OPENAI_API_KEY, ANTHROPIC_API_KEY ... and start again for real ones)"
    body = f'{{"model":"{MODEL}","stream":true,"messages":[{{"role":"user","content":"Hello"}}]}}'
    return f"""
Sluice is ready.

  URL         {access.url}   (OpenAI SDKs: base_url {access.url}/v1 · Anthropic SDKs: base_url {access.url})
  Key         {access.api_key}
  Providers   {known}{more}
  Admin API   {access.url}/admin/keys with SLUICE_ADMIN_KEY; or the `sluice` command in .venv/bin
  Variables   {environment}

Try it:

curl -N {access.url}/v1/chat/completions -H 'Authorization: Bearer {access.api_key}' \
-H 'Content-Type: application/json' -d '{body}'

Ctrl-C stops it.
"""

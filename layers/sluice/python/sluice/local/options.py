"""What `python -m sluice.local` was asked for: command line and environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[5]
PORT = 8787
ENVIRONMENTS = 32
RECONCILE_SECONDS = 60
ALERT_SECONDS = 60


class Unusable(Exception):
    """The stack cannot start; one sentence with what is wrong and the remedy."""


@dataclass(frozen=True)
class Options:
    """`home` holds everything that the stack writes; an `ephemeral` one is deleted at the end."""

    root: Path
    functions: Path
    home: Path
    port: int
    environments: int
    reconcile_seconds: int
    alert_seconds: int
    ephemeral: bool
    environ: Mapping[str, str]


def read(arguments: Sequence[str], environ: Mapping[str, str]) -> Options:
    """Return the options. Raises Unusable."""
    parser = argparse.ArgumentParser(
        prog="python -m sluice.local", description="Run the whole gateway on this machine."
    )
    parser.add_argument("--port", default=environ.get("PORT") or str(PORT), help="where to listen; 0 for any free port")
    parser.add_argument("--home", type=Path, default=ROOT / ".local", help="folder for state, logs and demo.env")
    parser.add_argument("--functions", type=Path, default=ROOT / "functions", help="folder with a folder per function")
    parser.add_argument(
        "--ephemeral", action="store_true", help="any free port, and a new folder that is deleted after"
    )
    given = parser.parse_args(list(arguments))
    home = given.home.resolve()
    if given.ephemeral:
        import tempfile

        home = Path(tempfile.mkdtemp(prefix="sluice-"))
    return Options(
        root=ROOT,
        functions=given.functions.resolve(),
        home=home,
        port=0 if given.ephemeral else _number("PORT", given.port, 0, 65535),
        environments=_number(
            "SLUICE_MAX_ENVIRONMENTS", environ.get("SLUICE_MAX_ENVIRONMENTS") or ENVIRONMENTS, 1, 1000
        ),
        reconcile_seconds=_number(
            "SLUICE_RECONCILE_SECONDS", environ.get("SLUICE_RECONCILE_SECONDS") or RECONCILE_SECONDS, 1, 86_400
        ),
        alert_seconds=_number("SLUICE_ALERT_SECONDS", environ.get("SLUICE_ALERT_SECONDS") or ALERT_SECONDS, 1, 86_400),
        ephemeral=given.ephemeral,
        environ=environ,
    )


def prepare(home: Path) -> None:
    """Make the folders of the stack. Raises Unusable when they cannot be written."""
    try:
        for name in ("state", "logs", "tmp"):
            (home / name).mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)
        if not os.access(home, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise Unusable(
            f"cannot write to {home} ({error.strerror}). The local stack keeps its state there; "
            "use a folder that you may write to, or name one with --home."
        ) from error


def _number(name: str, text: object, lowest: int, highest: int) -> int:
    try:
        number = int(str(text))
    except ValueError:
        number = lowest - 1
    if not lowest <= number <= highest:
        raise Unusable(f"{name} is {str(text)!r}; it must be a number from {lowest} to {highest}.")
    return number

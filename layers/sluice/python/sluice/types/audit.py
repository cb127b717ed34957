"""Who administers, and what they change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for a change of the control plane, and from where.

    `kind` is "key" (a virtual key, `id` is its id), "iam" (an AWS principal, `id` is its ARN) or "operator" (somebody
    who may invoke the function or run code in the account). `scopes` and `team_bound` are those of a caller.
    """

    kind: Literal["key", "iam", "operator"]
    id: str
    team: str = ""
    scopes: tuple[str, ...] = ("admin",)
    team_bound: bool = False
    name: str = ""
    source_ip: str = ""
    user_agent: str = ""
    request_id: str = ""


OPERATOR = Actor("operator", "direct")
"""Whoever calls the code itself, past the API."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change: what was done to what, by whom, and how it stood before and after (None: it did not exist).

    `action` is a noun and a verb ("keys.revoke"), `subject` a path ("keys/abc"), `team` the team that it concerns, ""
    for the whole organisation. Neither state holds a secret.
    """

    action: str
    subject: str
    actor: Actor
    team: str = ""
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None

"""How a stage's provider keys are rotated; docs/rotation.md tells what each strategy needs and does.

A provider that is not listed changes when an operator stages a new key; its age raises no alarm.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sluice.settings import SECRET_REPLICATION_SECONDS, SECRET_TTL_SECONDS

TOKEN_SECONDS = 3600
"""How long a token that was signed with a private key is good at most (docs/credentials.md)."""
MINUTES_OF_DAY = 1440
BACKSTOP_DAYS = 7
"""So long after a rotation should have begun Secrets Manager begins one by itself."""
LONGEST_DAYS = 365

_PROVIDER = re.compile(r"[a-z][a-z0-9_]{0,40}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ACCOUNT = re.compile(r"https://[A-Za-z0-9._-]+\.snowflakecomputing\.com")
_ROLE = re.compile(r"[A-Za-z0-9_$.\"-]{0,255}")
_URL = re.compile(r"https://[!-~]+")


class InvalidRotation(ValueError):
    """A rotation that would interrupt calls, or could not work; the message names the setting and what is allowed."""


@dataclass(frozen=True, slots=True)
class OpenAIRotation:
    """Keys of one of OpenAI's service accounts; the provider's entry in the secret holds an `admin_key`."""

    strategy: ClassVar[str] = "openai_service_account"
    project: str
    service_account: str
    days: int = 30
    expires_days: int = 0
    """After so many days the vendor ends a key by itself, so that one which leaked does not live on; 0: never."""

    def __post_init__(self) -> None:
        """Raise InvalidRotation."""
        _check("project", self.project, _ID.fullmatch(self.project), "the id of a project (proj_...)")
        account = self.service_account
        _check("service_account", account, _ID.fullmatch(account), "the id of a service account")
        _check_days(self.days)
        _check("expires_days", self.expires_days, 0 <= self.expires_days <= 365, "0 to 365")


@dataclass(frozen=True, slots=True)
class SnowflakeRotation:
    """The two key slots of one of Snowflake's users; `role` is the role that owns the user."""

    strategy: ClassVar[str] = "snowflake_key_pair"
    base_url: str
    role: str = ""
    days: int = 30

    def __post_init__(self) -> None:
        """Raise InvalidRotation."""
        _check("base_url", self.base_url, _ACCOUNT.fullmatch(self.base_url), "https://<account>.snowflakecomputing.com")
        _check("role", self.role, _ROLE.fullmatch(self.role), "the name of a role")
        _check_days(self.days)


@dataclass(frozen=True, slots=True)
class StagedRotation:
    """Keys that a person makes at the vendor and stages; a key older than `days` raises an alarm."""

    strategy: ClassVar[str] = "staged"
    days: int = 90
    test_url: str = ""
    """What a GET with the key must answer with 2xx; empty for the provider's list of models."""

    def __post_init__(self) -> None:
        """Raise InvalidRotation."""
        _check_days(self.days)
        _check("test_url", self.test_url, not self.test_url or _URL.fullmatch(self.test_url), "an https address")


@dataclass(frozen=True, slots=True)
class RoleOnly:
    """Calls are made with the functions' AWS role: nothing is stored, and nothing rotated."""

    strategy: ClassVar[str] = "role"


Strategy = OpenAIRotation | SnowflakeRotation | StagedRotation | RoleOnly


@dataclass(frozen=True, slots=True)
class RotationPlan:
    """The strategy of each provider.

    `overlap_minutes` is how long a key that was replaced stays good at least: longer than environments keep a key in
    memory and a new version takes to reach the other regions.
    """

    providers: Mapping[str, Strategy] = field(default_factory=dict)
    overlap_minutes: int = MINUTES_OF_DAY

    def __post_init__(self) -> None:
        """Raise InvalidRotation."""
        for name in self.providers:
            _check("a provider", name, _PROVIDER.fullmatch(name), "a name of the catalogue, such as openai")
        least = self.least_overlap_minutes
        allowed = f"at least {least}: keys stay in memory for {SECRET_TTL_SECONDS // 60} minutes, new ones reach other "
        allowed += f"regions within {SECRET_REPLICATION_SECONDS // 60}"
        if least > (SECRET_TTL_SECONDS + SECRET_REPLICATION_SECONDS) // 60:
            allowed += f", and tokens signed with the old pair live for {TOKEN_SECONDS // 60}"
        _check("overlap_minutes", self.overlap_minutes, self.overlap_minutes >= least, allowed)
        for name, strategy in self.providers.items():
            self._check_overlap(name, strategy)

    @property
    def least_overlap_minutes(self) -> int:
        """The shortest overlap in which no environment can be left with a key that is gone."""
        seconds = SECRET_TTL_SECONDS + SECRET_REPLICATION_SECONDS
        signs = any(isinstance(strategy, SnowflakeRotation) for strategy in self.providers.values())
        return (seconds + (TOKEN_SECONDS if signs else 0)) // 60

    @property
    def backstop_days(self) -> int:
        """After how many days without a rotation Secrets Manager begins one, should the daily look be broken."""
        days = [each.days for each in self.providers.values() if isinstance(each, OpenAIRotation | SnowflakeRotation)]
        return min(days, default=LONGEST_DAYS - BACKSTOP_DAYS) + BACKSTOP_DAYS

    def text(self) -> str:
        """Return the plan as the rotation function reads it (`control.rotation.options`)."""
        providers = {name: {"strategy": each.strategy, **_members(each)} for name, each in self.providers.items()}
        return json.dumps({"providers": providers, "overlap_seconds": self.overlap_minutes * 60}, sort_keys=True)

    def _check_overlap(self, name: str, strategy: Strategy) -> None:
        if isinstance(strategy, OpenAIRotation | SnowflakeRotation):
            fits = self.overlap_minutes < strategy.days * MINUTES_OF_DAY
            _check(f"days of {name}", strategy.days, fits, f"longer than the overlap of {self.overlap_minutes} minutes")
        if isinstance(strategy, OpenAIRotation) and strategy.expires_days:
            least = strategy.days + BACKSTOP_DAYS + self.overlap_minutes / MINUTES_OF_DAY
            fits = strategy.expires_days >= least
            allowed = f"0, or at least {least:.0f}: a key must outlive its rotation, a week of failures and the overlap"
            _check(f"expires_days of {name}", strategy.expires_days, fits, allowed)


def _members(strategy: Strategy) -> dict[str, Any]:
    return {name: getattr(strategy, name) for name in getattr(strategy, "__dataclass_fields__", {})}


def _check_days(days: int) -> None:
    _check("days", days, 1 <= days <= LONGEST_DAYS - BACKSTOP_DAYS, f"1 to {LONGEST_DAYS - BACKSTOP_DAYS}")


def _check(setting: str, value: object, holds: object, allowed: str) -> None:
    if not holds:
        raise InvalidRotation(f"Rotation: {setting} is {value!r}; it must be {allowed}.")

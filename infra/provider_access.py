"""What a stage's functions may do with their own AWS role towards providers: nothing, unless it is listed here.

Keys that the provider secret holds need none of this. Each entry becomes one exact IAM statement for the functions that
call providers (`infra.constructs.provider_permissions`); docs/credentials.md shows them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_MODEL = re.compile(r"[a-z0-9-]+\.[A-Za-z0-9._:-]+")
_PROFILE = re.compile(r"[a-z-]+\.[a-z0-9-]+\.[A-Za-z0-9._:-]+")
_PROJECT = re.compile(r"default|proj_[A-Za-z0-9]+")
_ENDPOINT = re.compile(r"[a-z0-9](-*[a-z0-9]){0,62}")
_AUDIENCE = re.compile(r"[!-)+->@-~]{1,1000}")
"""Printable ASCII without `*` and `?`, which IAM would read as patterns."""


class InvalidAccess(ValueError):
    """An entry that IAM would take for something else, or not at all; the message names it and what is allowed."""


@dataclass(frozen=True, slots=True)
class BedrockModel:
    """A model that may be called on Bedrock with the function's role.

    `id` is the foundation model's ("anthropic.claude-sonnet-4-5-20250929-v1:0"). With `profile`, the inference profile
    that callers name ("us.anthropic..."), the model may be called through it alone, and `regions` are the profile's
    destination regions, as the model's page lists them. A profile that begins with "global." has none to list.
    """

    id: str
    profile: str = ""
    regions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise InvalidAccess for an entry that says less or more than one model."""
        _check("a Bedrock model", self.id, _MODEL.fullmatch(self.id), "the id of a foundation model")
        fits = not self.profile or (_PROFILE.fullmatch(self.profile) and self.profile.endswith(self.id))
        _check("an inference profile", self.profile, fits, f"a profile of {self.id}, such as us.{self.id}")
        _check("destination regions", self.regions, all(map(_REGION.fullmatch, self.regions)), "region names")
        lists = bool(self.profile) and not self.is_global
        _check(f"destination regions of {self.id}", self.regions, bool(self.regions) == lists, "those of its profile")

    @property
    def is_global(self) -> bool:
        """Whether the profile may send requests to any commercial region."""
        return self.profile.startswith("global.")


@dataclass(frozen=True, slots=True)
class ProviderAccess:
    """Towards which providers the functions' role counts.

    `bedrock_models` are for bedrock-runtime, `mantle_projects` ("default", "proj_...") for bedrock-mantle,
    `sagemaker_endpoints` names of real-time endpoints. `federation_audiences` are those for which AWS may state who the
    function is ("https://api.openai.com/v1", "https://api.anthropic.com"). `private_keys` gives the functions the
    library that signs with private keys (Google service accounts, Snowflake key pairs).
    """

    bedrock_models: tuple[BedrockModel, ...] = ()
    mantle_projects: tuple[str, ...] = ()
    sagemaker_endpoints: tuple[str, ...] = ()
    federation_audiences: tuple[str, ...] = ()
    private_keys: bool = False

    def __post_init__(self) -> None:
        """Raise InvalidAccess for an entry that would grant more or less than it says."""
        _check_all("mantle_projects", self.mantle_projects, _PROJECT, '"default" or ids such as proj_abc123')
        _check_all("sagemaker_endpoints", self.sagemaker_endpoints, _ENDPOINT, "names in lower case, as ARNs have them")
        _check_all("federation_audiences", self.federation_audiences, _AUDIENCE, "audiences without * and ?")
        called = [model.profile or model.id for model in self.bedrock_models]
        _check("bedrock_models", called, len(set(called)) == len(called), "each model or profile once")

    @property
    def services(self) -> tuple[str, ...]:
        """The AWS services that the role may call, as the functions are told (SLUICE_ROLE_SERVICES)."""
        listed = {
            "bedrock": self.bedrock_models,
            "bedrock-mantle": self.mantle_projects,
            "sagemaker": self.sagemaker_endpoints,
            "sts": self.federation_audiences,
        }
        return tuple(service for service, entries in listed.items() if entries)


def _check_all(setting: str, values: tuple[str, ...], pattern: re.Pattern[str], allowed: str) -> None:
    fits = all(map(pattern.fullmatch, values)) and len(set(values)) == len(values)
    _check(setting, values, fits, f"{allowed}, each once")


def _check(setting: str, value: object, holds: object, allowed: str) -> None:
    if not holds:
        raise InvalidAccess(f"{setting} cannot be {value!r}; it must be {allowed}.")

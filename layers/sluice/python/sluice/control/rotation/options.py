"""How each provider's key changes, and what is no secret about it; written by the CDK app as one JSON text.

Every strategy has `days`: how old a key may get. A provider that is not listed changes by hand: an operator stages its
new key (`sluice rotation stage`), which is tested and goes live with the next rotation.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

OVERLAP_SECONDS = 86_400
"""How long a key that was replaced stays good at least."""

Account = Annotated[str, StringConstraints(pattern=r"^https://[A-Za-z0-9._-]+\.snowflakecomputing\.com$")]
Address = Annotated[str, StringConstraints(pattern=r"^(https://|http://(127\.0\.0\.1|localhost)[:/]).+$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_$.\"-]*$", max_length=255)]
VendorId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
Days = Annotated[int, Field(ge=1, le=1000)]


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServiceAccountKeys(_Options):
    """OpenAI: keys of one service account are made and deleted with the entry's `admin_key`."""

    strategy: Literal["openai_service_account"] = "openai_service_account"
    project: VendorId
    service_account: VendorId
    days: Days = 30
    expires_days: Annotated[int, Field(ge=0, le=365)] = 0
    """The vendor lets a key end after so many days; 0: it never does, so that a rotation that stalls ends nothing."""
    admin_url: Address = "https://api.openai.com/v1"
    test_url: str = ""


class KeyPair(_Options):
    """Snowflake: the user's two slots for public keys take turns; `role` is one that owns the user."""

    strategy: Literal["snowflake_key_pair"] = "snowflake_key_pair"
    base_url: Account
    role: Identifier = ""
    days: Days = 30

    @property
    def test_url(self) -> str:
        """The address that a new pair is tried at: a list that costs no warehouse (Snowflake REST API, 2026-11)."""
        return f"{self.base_url}/api/v2/databases?showLimit=1"


class Staged(_Options):
    """Anybody: an operator makes the key at the vendor and stages it."""

    strategy: Literal["staged"] = "staged"
    days: Days = 90
    test_url: str = ""
    """What a GET with the new key must answer with 2xx; "": the address of the provider's models."""


class Role(_Options):
    """Nothing is stored, so nothing is rotated: calls are signed, or tokens minted, with the function's AWS role."""

    strategy: Literal["role"] = "role"


Strategy = Annotated[ServiceAccountKeys | KeyPair | Staged | Role, Field(discriminator="strategy")]
BY_HAND = Staged()


class RotationOptions(_Options):
    """The strategy of each provider, and the overlap."""

    providers: dict[str, Strategy] = Field(default_factory=dict)
    overlap_seconds: int = Field(default=OVERLAP_SECONDS, ge=0)

    def of(self, provider: str) -> ServiceAccountKeys | KeyPair | Staged | Role:
        """Return a provider's strategy."""
        return self.providers.get(provider, BY_HAND)


def options_from(text: str) -> RotationOptions:
    """Return the options of SLUICE_ROTATION, none for "". Raises pydantic.ValidationError."""
    return RotationOptions.model_validate_json(text or "{}")

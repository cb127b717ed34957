"""What a provider's catalogue file may say; checked by the tests and by `make catalogue`, never on the request path.

Money in these files is integer nano-USD per million tokens ("search" and "request": each), as in the configuration:
$3.00 per million tokens is 3000000000.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator, model_validator

from sluice.control.budget_schema import nano_usd
from sluice.dialects.quirks import check as check_quirks
from sluice.providers.addresses import check_base_url
from sluice.providers.auth import STATIC_AWS, wanted
from sluice.types.catalogue import Auth

Date = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Clock = Annotated[str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
Component = Literal[
    "input",
    "cache_read",
    "cache_read_audio",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "audio_input",
    "audio_output",
    "image_input",
    "image_output",
    "character",
    "audio_hour",
    "second",
    "image",
    "image_sent",
    "request",
    "search",
]
Picture = Annotated[str, StringConstraints(pattern=r"^image/[a-z0-9]+(/[a-z0-9]+)?$")]
"""What a picture of one quality, one size or both costs, as in `PriceTier`."""
Fee = Annotated[str, StringConstraints(pattern=r"^request/(low|medium|high)$")]
"""What a request of one search context costs."""


def _nano(value: object) -> object:
    """Return an amount written as text, "0.25", in nano; everything else as it is."""
    return nano_usd(value) if isinstance(value, str) else value


Rate = Annotated[int, BeforeValidator(_nano), Field(ge=0)]
"""Nano-USD, or thousand-millionths of a unit, for a million tokens; as text: dollars or units."""
Capability = Literal["tools", "json_object", "json_schema", "reasoning", "prompt_cache", "logprobs"]
Modality = Literal["text", "image", "audio", "document", "video"]
Media = Literal["images", "image_edits", "transcriptions", "translations", "speech"]
Operation = Literal[
    "chat", "completions", "embeddings", "rerank", "moderations", "count_tokens", "input_tokens", "batches", "invoke",
    Media,
]  # fmt: skip
Dialect = Literal[
    "snowflake_complete",
    "openai_chat",
    "anthropic_messages",
    "openai_responses",
    "gemini",
    "cohere_chat",
    "ollama_chat",
    "bedrock_converse",
]
Wire = Literal[
    Dialect,
    "openai_completions",
    "snowflake_embeddings",
    "openai_embeddings",
    "anthropic_count_tokens",
    "anthropic_batches",
    "cohere_embeddings",
    "gemini_embeddings",
    "gemini_embed_content",
    "vertex_embeddings",
    "ollama_embeddings",
    "cohere_rerank",
    "jina_rerank",
    "voyage_rerank",
    "nvidia_ranking",
    "openai_moderations",
    "openai_images",
    "gemini_images",
    "openai_image_edits",
    "openai_transcriptions",
    "openai_translations",
    "openai_speech",
    "bedrock_invoke",
    "bedrock_count_tokens",
    "gemini_count_tokens",
    "bedrock_embeddings",
]


AuthScheme = Literal[
    "bearer",
    "header",
    "query",
    "pair",
    "none",
    "sigv4",
    "entra",
    "oauth",
    "google",
    "google_federation",
    "snowflake",
    "aws_bearer",
    "aws_federation",
]
AUTH_SETTINGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "sigv4": (("service",), ()),
    "entra": (("authority", "scope"), ()),
    "oauth": ((), ("token_url", "scope", "client_auth")),
    "google": ((), ("scope",)),
    "google_federation": ((), ("scope",)),
    "aws_bearer": (("service", "host", "prefix"), ()),
    "aws_federation": (("token_url", "audience", "grant_type", "assertion"), ()),
}
"""Scheme -> the settings that it must have, and those that it may have."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TierSchema(_Strict):
    """Rates for prompts longer than `over` tokens."""

    over: int = Field(default=0, ge=0)
    rates: dict[Component | Picture | Fee, Rate] = Field(min_length=1)


class PriceSchema(_Strict):
    """A price from `starts` on; see `sluice.types.catalogue.Price`."""

    starts: Date | Literal[""] = ""
    service_tiers: list[str] = Field(default_factory=list)
    hours: list[tuple[Clock, Clock]] = Field(default_factory=list)
    tiers: list[TierSchema] = Field(min_length=1)
    unit: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,63}$")
    days: list[Annotated[int, Field(ge=0, le=6)]] | None = Field(default=None, min_length=1, max_length=7)

    @field_validator("tiers")
    @classmethod
    def _rising_from_zero(cls, tiers: list[TierSchema]) -> list[TierSchema]:
        starts = [tier.over for tier in tiers]
        if starts[0] != 0 or starts != sorted(set(starts)):
            raise ValueError("tiers begin at 0 and rise")
        return tiers

    @field_validator("hours")
    @classmethod
    def _forwards(cls, hours: list[tuple[str, str]]) -> list[tuple[str, str]]:
        if any(start >= end for start, end in hours):
            raise ValueError("a window ends after it starts; split one that runs over midnight")
        return hours

    @model_validator(mode="after")
    def _days_of_hours(self) -> PriceSchema:
        if self.days and not self.hours:
            raise ValueError("days are those of hours; state the hours too, such as 00:00 to 24:00")
        return self


class _Traits(_Strict):
    context: int | None = Field(default=None, gt=0)
    max_output: int | None = Field(default=None, gt=0)
    inputs: list[Modality] = Field(default_factory=list)
    outputs: list[Modality] = Field(default_factory=list)
    capabilities: list[Capability] = Field(default_factory=list)
    operations: list[Operation] = Field(default_factory=list)
    dialects: list[Dialect] = Field(default_factory=list)
    deprecated: str | None = None
    quirks: dict[str, object] = Field(default_factory=dict)

    @field_validator("quirks")
    @classmethod
    def _known_quirks(cls, quirks: dict[str, object]) -> dict[str, object]:
        problems = check_quirks(quirks)
        if problems:
            raise ValueError(" ".join(problems))
        return quirks


class ModelSchema(_Traits):
    """One model. It has prices, or says in `unpriced` why it has none."""

    aliases: list[str] = Field(default_factory=list)
    prefixes: list[str] = Field(default_factory=list)
    listed: bool = True
    prices: list[PriceSchema] = Field(default_factory=list)
    price_source: str = ""
    """Where prices stand that genai-prices does not know: the vendor's page and the month."""
    unpriced: str = ""

    @model_validator(mode="after")
    def _priced_or_explained(self) -> ModelSchema:
        if bool(self.prices) == bool(self.unpriced):
            raise ValueError("a model states prices, or why it has none in 'unpriced'")
        if self.prices and self.prices[0].service_tiers:
            raise ValueError("the standard price comes first")
        return self


class RuleSchema(_Traits):
    """What holds for every model whose name begins with one of `prefixes`; `source` says where that stands."""

    prefixes: list[str] = Field(min_length=1)
    source: str = Field(min_length=1)


class AuthSchema(_Strict):
    """One way in; `sluice.types.catalogue.Auth` says what the members mean."""

    scheme: AuthScheme
    name: str = ""
    prefix: str = ""
    parts: dict[str, str] = Field(default_factory=dict)
    needs: list[str] = Field(default_factory=list)
    headers: dict[str, str] = Field(default_factory=dict)
    appended: dict[str, str] = Field(default_factory=dict)
    settings: dict[str, str] = Field(default_factory=dict)
    token_body: dict[str, str] = Field(default_factory=dict)
    token_headers: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> AuthSchema:
        if (self.scheme in ("header", "query")) != bool(self.name):
            raise ValueError(f"scheme '{self.scheme}': 'header' needs the header's name, 'query' the parameter's")
        if (self.scheme in ("pair", "aws_federation")) != bool(self.parts):
            raise ValueError("schemes 'pair' and 'aws_federation' need 'parts', the others have none")
        if self.scheme == "aws_federation" and not set(self.needs) <= set(self.parts.values()):
            raise ValueError("what 'aws_federation' needs must be in its parts")
        required, optional = AUTH_SETTINGS.get(self.scheme, ((), ()))
        lacking = sorted(set(required) - set(self.settings))
        unknown = sorted(set(self.settings) - {*required, *optional})
        if lacking or unknown:
            raise ValueError(f"scheme '{self.scheme}' needs the settings {lacking}, and does not know {unknown}")
        url = self.settings.get("token_url", self.settings.get("authority", ""))
        if url and not url.startswith("/"):
            check_base_url(url)
        return self


class EndpointSchema(_Strict):
    """One operation."""

    operation: Operation
    dialect: Wire
    path: str = Field(pattern=r"^/[^?#\s]+(\?[^?#\s]+)?$")
    stream_path: str = Field(default="", pattern=r"^(/[^#\s]+)?$")


class GenerationSchema(_Strict):
    """What `make catalogue` takes from genai-prices for this file; `only` and `leave_out` are shell patterns.

    `rename` gives a model the id that the vendor's API knows; `also` adds names to a model; `free` are models whose
    empty price means that they cost nothing; `extra` adds models that genai-prices does not know; `unlisted` are ids
    that only stand for a family of names. `weekdays` are the days (0 is Monday) that prices by the hour hold on, which
    genai-prices does not know. `profiles` are what may stand before a name, which then means the model that
    genai-prices gives it to (Amazon's inference profiles). `reasons` explain.
    """

    provider: str
    only: list[str] = Field(default_factory=lambda: ["*"])
    leave_out: list[str] = Field(default_factory=list)
    leave_out_names: list[str] = Field(default_factory=list)
    rename: dict[str, str] = Field(default_factory=dict)
    also: dict[str, list[str]] = Field(default_factory=dict)
    free: list[str] = Field(default_factory=list)
    extra: dict[str, ModelSchema] = Field(default_factory=dict)
    unlisted: list[str] = Field(default_factory=list)
    profiles: list[str] = Field(default_factory=list)
    weekdays: list[Annotated[int, Field(ge=0, le=6)]] = Field(default_factory=list)
    reasons: list[str] = Field(default_factory=list)


ENV_BESIDE = frozenset({"api_key", "base_url", *STATIC_AWS, "aws_session_token", "private_key_passphrase"})
"""Parts of `env` that may stand beside what the ways in need."""


def _way(way: AuthSchema) -> Auth:
    return Auth(way.scheme, way.name, parts=way.parts, needs=tuple(way.needs))


def _as_list(given: object) -> object:
    return given if isinstance(given, list) else [given]


class ProviderSchema(_Strict):
    """A whole catalogue file."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]*$")
    title: str = Field(min_length=1)
    docs: str = Field(pattern=r"^https://|^$")
    checked: Date
    base_url: str
    env: dict[
        Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")],
        Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")],
    ]
    auth: Annotated[list[AuthSchema], BeforeValidator(_as_list), Field(min_length=1)]
    headers: dict[str, str] = Field(default_factory=dict)
    endpoints: list[EndpointSchema] = Field(min_length=1)
    first_party: bool = False
    enabled: bool = True
    any_model: bool = False
    first_byte_seconds: float = Field(default=0.0, ge=0, le=600)
    quirks: dict[str, object] = Field(default_factory=dict)
    rules: list[RuleSchema] = Field(default_factory=list)
    generated: GenerationSchema | None = None
    source: str = "declared"
    models: dict[str, ModelSchema] = Field(default_factory=dict)

    @field_validator("quirks")
    @classmethod
    def _known_quirks(cls, quirks: dict[str, object]) -> dict[str, object]:
        problems = check_quirks(quirks)
        if problems:
            raise ValueError(" ".join(problems))
        return quirks

    @model_validator(mode="after")
    def _consistent(self) -> ProviderSchema:
        if self.base_url:
            check_base_url(self.base_url.replace("{region}", "us-east-1"))
        elif self.enabled:
            raise ValueError("a provider without a base URL is not enabled until the configuration gives it one")
        members = {member for way in self.auth for members in wanted(_way(way)) for member in members}
        strangers = set(self.env) - members - ENV_BESIDE - {m for way in self.auth for m in way.parts.values()}
        if strangers:
            raise ValueError(f"env names what no way in takes: {', '.join(sorted(strangers))}")
        names = [name for id_, model in self.models.items() for name in (id_, *model.aliases)]
        twice = sorted({name for name in names if names.count(name) > 1}) if len(names) != len(set(names)) else []
        if twice:
            raise ValueError(f"names stand for two models: {', '.join(twice)}")
        spoken = {endpoint.dialect for endpoint in self.endpoints}
        for id_, model in self.models.items():
            if not spoken.issuperset(model.dialects):
                raise ValueError(f"{id_} names a dialect that no endpoint speaks")
        return self

"""Providers, models and prices as the catalogue files state them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from sluice.types.clock import NanoUSD

NANO = 1_000_000_000
WHOLE = 10_000
"""All of an amount, in basis points."""
BY_THE_PIECE = frozenset(("request", "search", "image", "image_sent", "second", "audio_hour", "character"))
"""Components that are not charged by the token."""

NAME_LENGTH = 512
"""Characters of a model's name; an ARN of an inference profile has some 150."""


@dataclass(frozen=True, slots=True)
class PriceTier:
    """Rates that hold for the whole call when its prompt is longer than `over` tokens.

    `rates` maps a component to nano-USD per million tokens. Components: "input", "cache_read", "cache_read_audio",
    "cache_write_5m", "cache_write_1h", "output", "reasoning", "audio_input", "audio_output", "image_input",
    "image_output"; "character" is nano-USD per million characters to be spoken, "audio_hour" nano-USD per hour of sound
    taken in, "second" nano-USD per second that a host of one's own works on an answer; "request", "search", "image" (a
    picture made) and "image_sent" (a picture to be edited) are nano-USD each. "image/high", "image/1024x1024" and
    "image/high/1024x1024" hold for one quality, size or both, "request/low" for the context that a search was given.
    """

    over: int
    rates: Mapping[str, NanoUSD]

    def components(self) -> Iterable[str]:
        """Return the components that have a rate."""
        return self.rates

    def tokens(self) -> Iterable[str]:
        """Return the components that are charged by the token."""
        return (name for name in self.rates if name.partition("/")[0] not in BY_THE_PIECE)


@dataclass(frozen=True, slots=True)
class Price:
    """One dated price of a model. `starts` is an ISO date, or "" for "since ever"; tiers rise by `over`.

    `service_tiers` are the processing tiers it holds for ("priority", "flex", "batch"); empty means the standard one.
    `hours` are the daily windows (UTC, "HH:MM" from, before) it holds in; empty means all day but for such windows.
    `days` are the days of the week (0 is Monday) that these windows have; empty means all.
    `version` names the source of the figures and their fingerprint, so that history can be costed again. With a `unit`
    (credits, DBU, seconds of a GPU) the rates are thousand-millionths of that unit, and no price until converted.
    """

    starts: str
    tiers: tuple[PriceTier, ...]
    service_tiers: tuple[str, ...] = ()
    hours: tuple[tuple[str, str], ...] = ()
    version: str = ""
    unit: str = ""
    days: tuple[int, ...] = ()

    def in_dollars(self, nano_per_unit: NanoUSD) -> Price:
        """Return the price with a unit at so many nano-USD, each rate rounded half up once."""
        version = f"{self.version}*{self.unit}={nano_per_unit}"
        return replace(self._rated(nano_per_unit, NANO, PriceTier.components), unit="", version=version)

    def raised(self, basis_points: int, mark: str) -> Price:
        """Return the price with its token rates raised, each rounded half up once; `mark` stands in its version."""
        return replace(self._rated(WHOLE + basis_points, WHOLE, PriceTier.tokens), version=f"{self.version}+{mark}")

    def _rated(self, times: int, over: int, chosen: Callable[[PriceTier], Iterable[str]]) -> Price:
        tiers = []
        for tier in self.tiers:
            changed = {name: (2 * tier.rates[name] * times + over) // (2 * over) for name in chosen(tier)}
            tiers.append(PriceTier(tier.over, {**tier.rates, **changed}))
        return replace(self, tiers=tuple(tiers))


@dataclass(frozen=True, slots=True)
class Model:
    """One model of one provider.

    `prices` rise by `starts`; empty means unpriced, and `unpriced` may say why. `quirks` override the provider's for
    this model. Empty `capabilities` mean that none was stated, not that it has none.
    """

    id: str
    provider: str
    prices: tuple[Price, ...] = ()
    aliases: tuple[str, ...] = ()
    context: int | None = None
    max_output: int | None = None
    inputs: tuple[str, ...] = ("text",)
    outputs: tuple[str, ...] = ("text",)
    capabilities: frozenset[str] = frozenset()
    operations: tuple[str, ...] = ("chat",)
    deprecated: str | None = None
    dialects: tuple[str, ...] = ()
    """The dialects one can chat with it in; empty: all of its provider's."""
    quirks: Mapping[str, object] = field(default_factory=dict)
    unpriced: str = ""


@dataclass(frozen=True, slots=True)
class Auth:
    """One way in which a provider lets the gateway in, and the `alternatives` to it, in order of preference.

    The first way for which the provider's credential holds what it needs is taken. `scheme` is "bearer", "header" (with
    the header's `name`), "query" (with the parameter's `name`), "pair" (`parts`: header -> member of the credential;
    the bearer key goes along where there is one), "none", "sigv4", or one that mints a token (`providers/tokens`).
    """

    scheme: str
    name: str = ""
    prefix: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    """Of "aws_federation": member of the token request -> member of the credential, sent where it is held."""
    needs: tuple[str, ...] = ()
    """Members of the credential without which this way is not open; empty: those that the scheme always needs."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every call made in this way that has no such header yet."""
    appended: Mapping[str, str] = field(default_factory=dict)
    """Headers that are lists: joined by a comma to what the call has already."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What the scheme must know: "service", "token_url" (a path: at the provider's own host), "scope", "audience"."""
    token_body: Mapping[str, str] = field(default_factory=dict)
    token_headers: Mapping[str, str] = field(default_factory=dict)
    """Constant members and headers of the request for a token."""
    alternatives: tuple[Auth, ...] = ()


@dataclass(frozen=True, slots=True)
class ProviderEndpoint:
    """Where one operation of a provider lives: `path` behind the base URL, and the dialect spoken there.

    `{model}` in a path stands for the model, which then is not in the body. `stream_path` is the path of streamed
    answers where it is another one.
    """

    operation: str
    dialect: str
    path: str
    stream_path: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """A vendor or host. `endpoints` are tried in order; the one in the caller's own dialect is preferred.

    `headers` are sent with every call. `quirks` are declared departures from the dialect, read by the dialect
    module (names and meanings: `sluice/dialects/quirks.py`). `enabled` False keeps a provider out of every
    plan until the configuration enables it.
    """

    name: str
    title: str
    base_url: str
    auth: Auth
    endpoints: tuple[ProviderEndpoint, ...]
    models: Mapping[str, Model]
    headers: Mapping[str, str] = field(default_factory=dict)
    quirks: Mapping[str, object] = field(default_factory=dict)
    first_party: bool = False
    enabled: bool = True
    any_model: bool = False
    """True for hosts whose models are not listed here; such a model is unpriced unless configured."""
    allow_loopback: bool = False
    """True only by configuration, in the local stack: the base URL may point to this machine."""
    first_byte_seconds: float = 0.0
    """How long a host that starts, or loads, a model on demand may take to its first byte; 0: no longer than others."""
    propagate_trace: bool = False
    """True only by configuration: the provider is told which trace its calls belong to."""
    place: str = ""
    """Only by configuration: where its answers are made."""
    checked: str = ""
    docs: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    """What the vendor's own SDK calls its settings: "api_key" and "base_url" -> environment variable."""


def nameable(name: str) -> bool:
    """Return whether a model may be called so: a name of a caller's making ends up in headers, paths and logs."""
    return len(name) <= NAME_LENGTH and name.isascii() and name.isprintable()

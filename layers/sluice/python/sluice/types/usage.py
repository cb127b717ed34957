"""Tokens that one call used, in disjoint input classes so that a price can be applied to each."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one call.

    The input classes are disjoint: `input` is what was neither read from nor written to the provider's cache,
    so the prompt's length is `prompt`. `output` includes `reasoning`, `audio_output` and `image_output`;
    `audio_input` and `image_input` are subsets of `input`. A provider that counts otherwise is converted by its
    dialect. What is not counted in tokens has its own unit: pictures, milliseconds of sound, characters of text.
    """

    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0
    image_input: int = 0
    search_requests: int = 0
    image_output: int = 0
    cache_read_audio: int = 0
    """The sound in `cache_read`, for models that charge it otherwise than cached text."""
    images: int = 0
    """Pictures made."""
    image_size: str | None = None
    """The size of those pictures, "1024x1024", where request or answer states it."""
    image_quality: str | None = None
    images_sent: int = 0
    """Pictures sent to be edited."""
    audio_ms: int = 0
    """Milliseconds of sound taken in, for models that are billed by time."""
    characters: int = 0
    """Characters of text to be spoken, for models that are billed by them."""
    provider_ms: int = 0
    """Milliseconds that the provider worked on the answer, for models that are billed by the second."""
    estimated: bool = False
    """True when the provider reported nothing and the gateway counted for itself."""
    provider_cost_usd: str | None = None
    """The cost the provider states itself (a decimal string in USD), where it does."""
    service_tier: str | None = None
    inference_geo: str | None = None
    """Where the provider says that it worked on the answer ("us"), where it has a price of its own there."""
    search_context: str | None = None
    """How much of what it found a search was given ("low", "medium", "high"), where the answer states it."""

    @property
    def prompt(self) -> int:
        """All input tokens."""
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h

    @property
    def total(self) -> int:
        """Prompt and output tokens together."""
        return self.prompt + self.output

    def merged(self, later: Usage) -> Usage:
        """Return the field-wise maximum of two reports of one call.

        Streams report cumulative figures, some of them in pieces (Anthropic: input in `message_start`, output
        in `message_delta`), so a later zero never erases what was already said.
        """
        values: dict[str, object] = {}
        for spec in fields(self):
            old, new = getattr(self, spec.name), getattr(later, spec.name)
            values[spec.name] = max(old, new) if type(old) is int else (new if new else old)
        return Usage(**values)  # type: ignore[arg-type]

"""The simulated models and how fast each of them is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """One simulated model. `first_token` is in seconds, `rate` in tokens a second."""

    id: str
    title: str
    first_token: float
    rate: float
    context: int = 200_000
    max_output: int = 32_000
    thinks: bool = False
    """True: reasons in every answer, unless asked not to."""
    serves: str = "chat"
    """What it does: chat, embeddings, rerank, moderations, images, transcriptions or speech."""


MODELS = {
    model.id: model
    for model in (
        Model("sim-fast", "Simulated fast", first_token=0.15, rate=80),
        Model("sim-large", "Simulated large", first_token=0.6, rate=35),
        Model("sim-reasoner", "Simulated reasoner", first_token=0.4, rate=60, thinks=True),
        Model("sim-gpt", "Simulated model of the Responses API", first_token=0.2, rate=80),
        Model("sim-claude", "Simulated Claude", first_token=0.3, rate=70),
        Model("sim-claude-thinking", "Simulated Claude that thinks", first_token=0.4, rate=50),
        Model("sim-embed", "Simulated embeddings", first_token=0.05, rate=100_000, context=8192, serves="embeddings"),
        Model("sim-rerank", "Simulated reranker", first_token=0.05, rate=100_000, context=8192, serves="rerank"),
        Model("sim-moderation", "Simulated moderation", 0.03, rate=100_000, context=8192, serves="moderations"),
        Model("sim-image", "Simulated painter", first_token=0.4, rate=100_000, serves="images"),
        Model("sim-transcribe", "Simulated stenographer", first_token=0.2, rate=200, serves="transcriptions"),
        Model("sim-whisper", "Simulated stenographer paid by time", 0.2, rate=200, serves="transcriptions"),
        Model("sim-speech", "Simulated speaker", first_token=0.2, rate=200, serves="speech"),
    )
}
CREATED = 1_767_225_600
"""Epoch seconds of every answer and model: 2026-01-01, so that answers depend on nothing but the request."""

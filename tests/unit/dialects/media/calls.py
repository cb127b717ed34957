"""Requests for pictures and sound, and a gateway that has models for them."""

from __future__ import annotations

from sluice.types.catalogue import Price, PriceTier
from tests.fakes import Gateway, Scripted, ScriptedTransport, configuration, custom

BOUNDARY = "b0undary"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
RATES = {
    "input": 5_000_000_000,
    "image_input": 8_000_000_000,
    "output": 10_000_000_000,
    "image_output": 32_000_000_000,
    "audio_input": 6_000_000_000,
}
WAV = (
    b"RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data"
)
SECOND = WAV + b"\x00\x00\x00\x00" + b"\x7f" * 32_000
"""One second of 16 kHz, 16 bits, one channel."""


def field(name: str, text: str) -> bytes:
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()


def file(name: str = "file", content: bytes = SECOND, filename: str = "a.wav", kind: str = "audio/wav") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
    return head.encode() + f"Content-Type: {kind}\r\n\r\n".encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def listed(rates: dict[str, int]) -> tuple[Price, ...]:
    return (Price("", (PriceTier(0, rates),), version="list"),)


def gateway(*answers: Scripted) -> Gateway:
    every = ("images", "image_edits", "transcriptions", "translations", "speech")
    models = {
        "openai/by-token": custom("openai/by-token", operations=every, prices=listed(RATES)),
        "openai/by-hour": custom("openai/by-hour", operations=every, prices=listed({"audio_hour": 360_000_000})),
        "openai/by-character": custom(
            "openai/by-character", operations=every, prices=listed({"character": 15_000_000_000})
        ),
        "openai/by-picture": custom(
            "openai/by-picture", operations=every, prices=listed({"image": 20_000_000, "image/hd": 80_000_000})
        ),
        "openai/of-groq": custom(
            "openai/of-groq",
            operations=every,
            prices=listed({"audio_hour": 360_000_000}),
            quirks={"least_audio_ms": 10_000},
        ),
        "openai/of-xai": custom("openai/of-xai", operations=every, quirks={"forms": False, "stated_cost": True}),
    }
    return Gateway(ScriptedTransport(*answers), live=configuration(models=models))


def spoken(*parts: bytes | Exception, kind: str = "audio/mpeg") -> Scripted:
    return Scripted(headers={"content-type": kind}, parts=list(parts))


def text(body: bytes, kind: str = "text/plain; charset=utf-8") -> Scripted:
    return Scripted(body=body, headers={"content-type": kind})

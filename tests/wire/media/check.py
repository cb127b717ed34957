"""Holds pictures and sound to recorded traffic, through the whole gateway, and prints a table of what passed.

Run it with `python -m tests.wire.media.check`; `SLUICE_RECORDINGS` names another folder of recordings. Each recording
is up to two cases: its request, which must reach the provider byte for byte, and its answer, which must reach the
caller byte for byte, its usage read.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from sluice.dialects import chat_dialect, parse
from sluice.errors import BadRequest, ProviderError
from sluice.types.http import Request
from tests.fakes import Gateway, Scripted, ScriptedTransport, configuration, custom
from tests.wire.recordings import Recording
from tests.wire.stated import words_of
from tests.wire.tally import Case, NotServed, cut, main, same

BAR = 0.99
ENDPOINTS = ("images", "audio.transcriptions")
PATHS = {
    "/images/generations": ("openai_images", "/v1/images/generations", "images"),
    "/images/edits": ("openai_image_edits", "/v1/images/edits", "image_edits"),
    "/audio/transcriptions": ("openai_transcriptions", "/v1/audio/transcriptions", "transcriptions"),
    "/audio/translations": ("openai_translations", "/v1/audio/translations", "translations"),
}
RETIRED = "/images/variations"


def cases(recording: Recording) -> Iterator[tuple[str, Case]]:
    """Yield the cases of one recording."""
    if recording.request is not None:
        yield "request", partial(check_request, recording)
    if recording.status >= 400:
        yield "error", partial(check_error, recording)
    else:
        yield "stream" if recording.stream else "answer", partial(check_answer, recording)


def check_request(recording: Recording) -> None:
    """A request is read, and reaches the provider with nothing changed but the model's name."""
    dialect, path, operation = _place(recording)
    wire: Any = chat_dialect(dialect)
    raw, kind = _body(recording), _content_type(recording)
    request = Request("POST", path, {"content-type": kind}, raw)
    parsed = _parsed(wire, request)
    model = parsed.members.get("model")
    if not model:
        raise NotServed("it names no model, and the gateway finds a request's provider by it")
    outline = wire.outline(parsed.members, len(raw))
    same("model", outline.model, model)
    same("bytes without an edit", _bytes(parsed.edited({})), raw)
    name = f"openai/{model}"
    renamed = _parsed(wire, Request("POST", path, {"content-type": kind}, _bytes(parsed.edited({"model": name}))))
    same("members after an edit", renamed.members, {**parsed.members, "model": name})
    # A whole answer: only what is sent counts here.
    transport = ScriptedTransport(Scripted(body=b'{"text":"x","data":[]}'))
    gateway = _gateway(transport, str(model), operation)
    response, _ = gateway.ask(path, renamed_body(renamed), content_type=kind)
    same("status", response.status, 200)
    sent = transport.calls[0]
    same("sent content type", sent.headers["content-type"], kind)
    again = _parsed(wire, Request("POST", path, {"content-type": kind}, sent.body))
    same("sent members", again.members, parsed.members)
    if "multipart" in kind:
        same("sent bytes", sent.body, raw)


def renamed_body(parsed: Any) -> bytes:
    """Return the body as the caller of the gateway sends it."""
    return _bytes(parsed.edited({}))


def check_answer(recording: Recording) -> None:
    """An answer reaches the caller byte for byte however it was cut, and its usage reaches the ledger."""
    dialect, path, operation = _place(recording, retired_as="/images/generations")
    asked, kind, model = _asked(recording, dialect)
    expected = _expected(recording, dialect)
    for seed in range(3 if recording.stream else 1):
        parts: list[bytes | Exception] = list(cut(recording.body, seed))
        answer = Scripted(headers={"content-type": _answer_type(recording)}, parts=parts)
        gateway = _gateway(ScriptedTransport(answer), model, operation)
        response, body = gateway.ask(path, asked, content_type=kind)
        same("status", response.status, 200)
        same("bytes", body, recording.body)
        same("content type", response.headers["content-type"].partition(";")[0], _answer_type(recording))
        entry = gateway.ledger.only
        same("outcome", (entry.outcome, entry.stream), ("ok", recording.stream))
        found = {name: getattr(entry.usage, name) for name in expected}
        same("usage", found, expected)


def check_error(recording: Recording) -> None:
    """An error keeps its status and words, has a kind, and reaches the caller byte for byte."""
    dialect, path, operation = _place(recording)
    error = chat_dialect(dialect).decode_error(recording.status, recording.headers, recording.body)
    if type(error) is not ProviderError or not error.message or not error.kind:
        raise AssertionError(f"not an error with words: {error!r}")
    same("status", error.provider_status, recording.status)
    told = words_of(recording.body)
    same("message", error.message[:20], error.message[:20] if told is None else told[:20])
    asked, kind, model = _asked(recording, dialect)
    answer = Scripted(recording.status, recording.body, {"content-type": "application/json"})
    gateway = _gateway(ScriptedTransport(answer), model, operation)
    response, body = gateway.ask(path, asked, content_type=kind)
    same("relayed", (response.status, body), (recording.status, recording.body))


def _expected(recording: Recording, dialect: str) -> dict[str, object]:
    """Return what the provider's own figures come to, reckoned apart from the gateway's code."""
    answer = _final(recording)
    usage, expected = answer.get("usage"), dict[str, object]()
    if isinstance(usage, dict):
        inside = usage.get("input_tokens_details") or usage.get("input_token_details") or {}
        mistral = usage.get("prompt_tokens_details") or {}
        if "total_tokens" in usage:
            output = usage.get("output_tokens", usage.get("completion_tokens"))
            expected |= {"total": usage["total_tokens"], "output": output, "estimated": False}
            expected["audio_input"] = inside.get("audio_tokens", mistral.get("audio_tokens", 0))
            expected["image_input"] = inside.get("image_tokens", 0)
        if "prompt_audio_seconds" in usage:
            expected["audio_ms"] = usage["prompt_audio_seconds"] * 1000
        if "seconds" in usage:
            expected["audio_ms"] = round(usage["seconds"] * 1000)
        if "cost_in_usd_ticks" in usage:
            expected["provider_cost_usd"] = str(usage["cost_in_usd_ticks"] / 10**10)
        if "cost" in usage:
            expected["provider_cost_usd"] = f"{usage['cost']:.8f}".rstrip("0")
    else:
        expected["estimated"] = "transcriptions" in dialect
    if "image" in dialect:
        expected["images"] = len(answer["data"])
        if isinstance(usage, dict) and "output_tokens" in usage:
            drawn = (usage.get("output_tokens_details") or {}).get("image_tokens", usage["output_tokens"])
            expected["image_output"] = drawn
    return expected


def _final(recording: Recording) -> Any:
    if not recording.stream:
        return json.loads(recording.body)
    events = [line[6:] for line in recording.body.splitlines() if line.startswith(b"data: {")]
    return json.loads(events[-1])


def _asked(recording: Recording, dialect: str) -> tuple[bytes, str, str]:
    """Return the recorded request, or one that could have had this answer where none can be used."""
    raw, kind = _body(recording), _content_type(recording)
    wire: Any = chat_dialect(dialect)
    try:
        parsed = _parsed(wire, Request("POST", "/", {"content-type": kind}, raw))
        wire.outline(parsed.members, len(raw))
        model = str(parsed.members["model"])
        return _bytes(parsed.edited({"model": f"openai/{model}"})), kind, model
    except BadRequest:
        if "image" in dialect:
            body = b'{"model":"openai/m","prompt":"x","images":[{"image_url":"https://example.com/a.png"}]}'
            return body, "application/json", "m"
        form = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nopenai/m\r\n--b\r\nContent-Disposition: '
        form += b'form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n--b--\r\n'
        return form, "multipart/form-data; boundary=b", "m"


def _gateway(transport: ScriptedTransport, model: str, operation: str) -> Gateway:
    name = f"openai/{model}"
    return Gateway(transport, live=configuration(models={name: custom(name, operations=(operation,))}))


def _place(recording: Recording, retired_as: str = "") -> tuple[str, str, str]:
    path = str((recording.request or {}).get("path", ""))
    if path.endswith(RETIRED):
        if retired_as:
            return PATHS[retired_as]
        raise NotServed("OpenAI has retired image variations; its API takes no such request any more")
    for ending, place in PATHS.items():
        if path.endswith(ending):
            return place
    return PATHS["/audio/transcriptions" if recording.endpoint.startswith("audio") else "/images/generations"]


def _parsed(wire: Any, request: Request) -> Any:
    return parse(wire, request)


def _body(recording: Recording) -> bytes:
    request = recording.request or {}
    if "body_base64" in request:
        return base64.b64decode(request["body_base64"])
    if "body_text" in request:
        return str(request["body_text"]).encode()
    return json.dumps(request.get("body")).encode()


def _content_type(recording: Recording) -> str:
    return str(((recording.request or {}).get("headers") or {}).get("content-type", "application/json"))


def _answer_type(recording: Recording) -> str:
    told = recording.headers.get("content-type", "text/event-stream" if recording.stream else "application/json")
    return told.partition(";")[0]


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


if __name__ == "__main__":
    sys.exit(main("media", ENDPOINTS, cases, BAR))

"""Serves pictures and sound: the operations, the models they take, and their answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sluice.local.simulator import directives, forms, openai_answer, pictures, shape, sounds
from sluice.local.simulator.conversation import Refused
from sluice.local.simulator.directives import Directive
from sluice.local.simulator.models import Model
from sluice.local.simulator.playback import Reply
from sluice.local.simulator.shape import Object

TIMED = "sim-whisper"
"""The model that is billed by time; it translates, and does not stream."""


def parsed(body: bytes, headers: Mapping[str, str]) -> Object:
    """Return the members of a request, a form or a JSON object. Raises Refused."""
    kind = headers.get("content-type", "")
    return forms.parsed(body, kind) if kind.startswith("multipart/form-data") else shape.parsed(body)


def texts(request: Object) -> list[str]:
    """Return the directives that stand in a prompt."""
    prompt = request.get("prompt")
    return directives.found_in(prompt) if isinstance(prompt, str) else []


def _generations(request: Object, model: Model, directive: Directive) -> Reply:
    return _drawn(pictures.Order(request, edits=False), model, directive)


def _edits(request: Object, model: Model, directive: Directive) -> Reply:
    return _drawn(pictures.Order(request, edits=True), model, directive)


def _drawn(order: pictures.Order, model: Model, directive: Directive) -> Reply:
    reply = _reply(model, directive)
    if order.stream:
        reply.events = pictures.events(order)
    else:
        reply.body = pictures.body(order)
    return reply


def _transcriptions(request: Object, model: Model, directive: Directive) -> Reply:
    return _written(sounds.Transcript(request, timed=model.id == TIMED, translates=False), model, directive)


def _translations(request: Object, model: Model, directive: Directive) -> Reply:
    if model.id != TIMED:
        raise Refused(400, f"The model '{model.id}' does not translate; use '{TIMED}'.", param="model")
    return _written(sounds.Transcript(request, timed=True, translates=True), model, directive)


def _written(transcript: sounds.Transcript, model: Model, directive: Directive) -> Reply:
    reply = _reply(model, directive)
    if transcript.stream:
        reply.events = transcript.events()
    else:
        reply.body, reply.media_type = transcript.body(), transcript.media_type
        if directive.no_usage and isinstance(reply.body, dict):
            del reply.body["usage"]
    return reply


def _speech(request: Object, model: Model, directive: Directive) -> Reply:
    asked = sounds.Speech(request)
    reply = _reply(model, directive)
    reply.events, reply.stream_type = asked.events(), asked.media_type
    return reply


def _reply(model: Model, directive: Directive) -> Reply:
    return Reply(200, {}, None, model=model, directive=directive, broken=openai_answer.error_event)


OPERATIONS: dict[str, tuple[str, Callable[[Object, Model, Directive], Reply]]] = {
    "images/generations": ("images", _generations),
    "images/edits": ("images", _edits),
    "audio/transcriptions": ("transcriptions", _transcriptions),
    "audio/translations": ("transcriptions", _translations),
    "audio/speech": ("speech", _speech),
}
"""Path -> what a model must serve, and what answers."""

"""Canonical parts, written as parts of contents.

Rules: `native` parts came from this dialect and get back what their `extras` kept. A signature stands beside the text
that it belongs to, or names its call. A part of another dialect that cannot be said here is dropped and reported where
the request keeps its meaning, and refused where it does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from sluice.dialects.edits import Edits
from sluice.dialects.gemini.casing import camel
from sluice.dialects.gemini.ids import wire_id
from sluice.dialects.gemini.media import Block, picture_type, sound_type, write_file, write_inline
from sluice.dialects.gemini.names import FORMAT, NAME
from sluice.dialects.gemini.signatures import pack, signature_of, unseal
from sluice.types.chat import Audio, Document, Image, Json, Opaque, Part, Refusal, Text, Thinking, ToolCall


class PartWriter:
    """Writes the parts of one turn, in order."""

    __slots__ = ("_after", "_calls", "_late", "edits", "keeps_foreign", "native", "written")

    def __init__(self, native: bool, edits: Edits, keeps_foreign: bool = False) -> None:
        self.native = native
        self.edits = edits
        self.keeps_foreign = keeps_foreign
        """Whether another vendor's thinking is packed (for a caller), not left out (for the vendor)."""
        self.written: list[Block] = []
        self._after: str | None = None
        self._late: list[str] = []
        self._calls: dict[str, str] = {}

    def add_all(self, parts: Iterable[Part]) -> None:
        """Write the parts of a turn; a call's signature may stand anywhere before it. Raises UnsupportedParameter."""
        for part in parts:
            self.add(part)
        self.end()

    def end(self) -> None:
        """Finish the turn: write a signature whose text did not come, report those whose calls did not."""
        self.flush()
        self.written += [{"text": "", "thoughtSignature": signature} for signature in self._late]
        self._late.clear()
        if self._calls:
            self._calls.clear()
            self.edits.note("dropped:reasoning")  # the calls that were signed are not there

    def add(self, part: Part) -> None:
        """Write one part. Raises UnsupportedParameter."""
        if isinstance(part, Thinking):
            self._thinking(part)
            return
        block = self._call(part) if isinstance(part, ToolCall) else self._block(part)
        if block is not None:
            if self._after is not None and "text" in block:
                block["thoughtSignature"], self._after = self._after, None
            self.written.append(block)

    def add_text(self, text: str) -> None:
        """Write a piece of text as it is; a signature that waits for text goes with it."""
        block: Block = {"text": text}
        if self._after is not None:
            block["thoughtSignature"], self._after = self._after, None
        self.written.append(block)

    def flush(self) -> None:
        """Write a signature whose text did not come."""
        if self._after is not None:
            self.written.append({"text": "", "thoughtSignature": self._after})
            self._after = None

    def _thinking(self, part: Thinking) -> None:
        entries = _entries(part)
        if not entries:
            self._foreign(part)
        for entry in entries:
            self._entry(entry, part.text)

    def _entry(self, entry: Mapping[str, Json], text: str) -> None:
        signature, call_id = signature_of(entry), entry.get("id")
        if not signature:
            return
        if entry.get("type") == "reasoning.text":
            own = entry.get("text")
            said = own if isinstance(own, str) else text
            self.written.append({"text": said, "thought": True, "thoughtSignature": signature})
        elif isinstance(call_id, str) and call_id:
            self._calls[call_id] = signature
        elif entry.get("on") == "text":
            self._sign_text(signature)
        elif self._after is None:
            self.written.append({"text": "", "thoughtSignature": signature})
        else:
            self._late.append(signature)  # some callers tell all reasoning before the text

    def _sign_text(self, signature: str) -> None:
        """Sign the text just written; where all reasoning comes first, the text that follows."""
        last = self.written[-1] if self.written else {}
        if "text" in last and not {"thought", "thoughtSignature"} & last.keys():
            last["thoughtSignature"] = signature
        else:
            self.flush()
            self._after = signature

    def _foreign(self, part: Thinking) -> None:
        secret = part.signature if part.redacted is None else part.redacted
        if secret is None and (self.native or self.keeps_foreign):
            self.written.append({"text": part.text, "thought": True})
        elif secret is not None and (self.keeps_foreign or self.native):
            packed = pack(part.signature, part.redacted)
            self.written.append({"text": part.text, "thought": True, "thoughtSignature": packed})
        else:
            self.edits.note("dropped:reasoning")  # the vendor refuses signatures of others

    def _call(self, call: ToolCall) -> Block:
        held: Block = {"name": call.name, "args": arguments_of(call, self.edits)}
        identity = call.id if self.keeps_foreign else wire_id(call.id)
        if identity:
            held = {"id": identity, **held}
        block: Block = {"functionCall": held}
        extras = dict(call.extras) if self.native else {}
        signature = self._calls.pop(call.id, extras.pop("thoughtSignature", None)) or _compatible(call)
        held.update(extras)
        if signature is not None:
            block["thoughtSignature"] = signature
        return block

    def _block(self, part: Part) -> Block | None:
        if isinstance(part, Text | Refusal):
            said = part.text if self.keeps_foreign else part.text.strip()
            return {"text": part.text} if said or self.native or self._after is not None else None
        if isinstance(part, Image):
            return self._image(part)
        if isinstance(part, Document):
            return self._document(part)
        if isinstance(part, Audio):
            return self._audio(part)
        if isinstance(part, Opaque):
            if part.dialect == NAME:
                return camel(part.payload)
            self.edits.drop(f"contents.{part.payload.get('type', 'part')}")
        return None

    def _image(self, part: Image) -> Block:
        if part.detail not in (None, "auto"):
            self.edits.note("dropped:image_url.detail")  # a hint about cost
        if part.data is not None:
            return self._filled(write_inline(part.data, picture_type(part) or "image/png"), part.extras)
        uri = part.url if part.url is not None else self._file_id(part.file_id)
        return self._filled(write_file(uri, part.media_type if self.native else picture_type(part)), part.extras)

    def _document(self, part: Document) -> Block:
        named: dict[str, Json] = {} if part.name is None else {"displayName": part.name}
        if part.text is not None:
            title = f"{part.name}\n\n" if part.name else ""
            return {"text": title + part.text}
        extras = {**named, **part.extras} if self.native else {}
        if part.data is not None:
            kind = part.media_type or ("application/pdf" if part.data.startswith("JVBE") else "text/plain")
            return self._filled(write_inline(part.data, kind), extras)
        uri = part.url if part.url is not None else self._file_id(part.file_id)
        kind = part.media_type or ""
        return self._filled(write_file(uri, kind or (None if self.native else "application/pdf")), extras)

    def _audio(self, part: Audio) -> Block:
        if part.data is not None:
            return write_inline(part.data, sound_type(part.format))
        if not part.transcript:
            self.edits.refuse(
                "messages", "An earlier answer's sound is known to its vendor only; send its text instead."
            )
        self.edits.change("transcribed:messages.audio", "messages.audio")
        return {"text": part.transcript}

    def _filled(self, block: Block, extras: Mapping[str, Json]) -> Block:
        """Write back what stood beside the data of a native part, and its file's name."""
        if self.native:
            rest = dict(extras)
            name = rest.pop("displayName", None)
            for held in block.values() if name is not None else ():
                if isinstance(held, dict):
                    held["displayName"] = name
            block.update(rest)
        return block

    def _file_id(self, file_id: str | None) -> str:
        if file_id is None or not self.native:
            self.edits.refuse(
                "messages", "A file id is known to one vendor only; send the file's content (base64) or a URL instead."
            )
        return file_id


def arguments_of(call: ToolCall, edits: Edits) -> dict[str, Json]:
    """Return a call's arguments as the object this dialect wants; text that is none is kept under one member."""
    if call.custom:
        return {"input": call.arguments}
    if not call.arguments.strip():
        return {}
    try:
        value = json.loads(call.arguments, parse_constant=_refuse_constant)
        if isinstance(value, dict):
            return value
        if value is None:
            return {}
    except (ValueError, RecursionError):
        pass
    edits.change("wrapped:tool_calls.arguments", "tool_calls.arguments")
    return {"invalid_arguments": call.arguments}


def _entries(part: Thinking) -> list[Mapping[str, Json]]:
    """Return the vendor's own entries in a thinking part: those of `reasoning_details`, or the sealed one."""
    entries = [entry for entry in part.details if isinstance(entry, Mapping) and entry.get("format") == FORMAT]
    sealed = unseal(part.redacted if part.redacted is not None else part.signature)
    return entries or ([] if sealed is None else [sealed])


def _compatible(call: ToolCall) -> str | None:
    """Return the signature that the vendor's OpenAI-compatible endpoint puts into a call's `extra_content`."""
    found = camel(camel(call.extras.get("extra_content")).get("google")).get("thoughtSignature")
    return found if isinstance(found, str) else None


def _refuse_constant(word: str) -> Json:
    raise ValueError(word)

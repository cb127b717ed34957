"""What a request that stays in this dialect needs on its way through."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import anthropic_messages as wire
from sluice.dialects.anthropic_messages.names import SEAL, UNSIGNED
from sluice.dialects.base import REMOVED
from sluice.errors import UnsupportedParameter
from sluice.types.chat import Thinking

HELLO = {"role": "user", "content": "Hello"}


def body(**members: Any) -> dict[str, Any]:
    return {"model": "claude", "max_tokens": 100, "messages": [HELLO], **members}


def test_nothing_is_edited_on_the_way_through_without_quirks() -> None:
    assert wire.pass_edits(body(stream=True), {}) == {}
    assert wire.stream_filter(body(stream=True)) is None


def test_declared_quirks_edit_what_passes_through() -> None:
    quirks = {"drop": ["top_k"], "refuse": ["container"], "defaults": {"speed": "standard", "max_tokens": 5}}
    assert wire.pass_edits(body(top_k=5), quirks) == {"top_k": REMOVED, "speed": "standard"}
    with pytest.raises(UnsupportedParameter):
        wire.pass_edits(body(container="c"), quirks)


def test_thinking_of_another_vendor_is_not_passed_on_to_one_that_would_refuse_it() -> None:
    own = {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"}
    text = {"type": "text", "text": "Yes."}
    foreign = [
        {"type": "thinking", "thinking": "Ha.", "signature": UNSIGNED},
        {"type": "redacted_thinking", "data": SEAL + "e30="},
    ]
    messages = [
        HELLO,
        {"role": "assistant", "content": [own, *foreign, text]},
        {"role": "assistant", "content": foreign},
        {"role": "assistant", "content": "Plain."},
    ]
    assert wire.pass_edits(body(messages=messages), {}) == {
        "messages": [HELLO, {"role": "assistant", "content": [own, text]}, messages[3]]
    }
    assert wire.pass_edits(body(messages=[HELLO, {"role": "assistant", "content": [own, text]}]), {}) == {}


def test_unsigned_thinking_is_known_as_such_when_it_comes_back() -> None:
    block = {"type": "thinking", "thinking": "Hm.", "signature": UNSIGNED}
    request = wire.decode_request(body(messages=[HELLO, {"role": "assistant", "content": [block]}]))
    assert request.messages[1].parts == (Thinking("Hm."),)


def test_silence_is_broken_by_a_ping() -> None:
    assert wire.keep_alive() == b'event: ping\ndata: {"type":"ping"}\n\n'

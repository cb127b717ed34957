"""Forms are read strictly, and an edit leaves every byte that it does not name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects.base import REMOVED
from sluice.dialects.multipart import HEAD, PART_LIMIT, TEXT_LIMIT, File, Form, parse_form
from sluice.errors import BadRequest
from sluice.types.http import Request

BOUNDARY = "b0undary"
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt \r\n--b0undar\r\n\x00\xff--b0undary-\r\n"


def part(name: str, content: bytes | str, *, more: str = "", headers: str = "") -> bytes:
    raw = content.encode() if isinstance(content, str) else content
    return (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n{headers}\r\n'.encode() + raw + b"\r\n"
    )


def file(name: str = "file", content: bytes = WAV, filename: str = "a.wav", kind: str = "audio/wav") -> bytes:
    return part(name, content, more=f'; filename="{filename}"', headers=f"Content-Type: {kind}\r\n")


END = f"--{BOUNDARY}--\r\n".encode()


def request(body: bytes, kind: str = f"multipart/form-data; boundary={BOUNDARY}") -> Request:
    return Request("POST", "/v1/audio/transcriptions", {"content-type": kind}, body)


def read(*pieces: bytes) -> Form:
    return parse_form(request(b"".join(pieces) + END))


def refusal(body: bytes, **more: str) -> str:
    with pytest.raises(BadRequest) as caught:
        parse_form(request(body, **more))
    return caught.value.message


def test_fields_are_texts_and_files_are_described() -> None:
    form = read(part("model", "whisper-1"), file(), part("prompt", "Grüße"))
    assert form.members == {
        "model": "whisper-1",
        "file": File("file", "a.wav", "audio/wav", len(WAV), WAV[:HEAD]),
        "prompt": "Grüße",
    }


def test_what_a_file_holds_is_in_no_description_of_it() -> None:
    assert "RIFF" not in repr(read(file()).members)


def test_a_part_of_a_media_type_is_a_file_without_a_filename() -> None:
    form = read(part("file", b"\xff\x00", headers="Content-Type: application/octet-stream\r\n"))
    assert form.members["file"] == File("file", "", "application/octet-stream", 2, b"\xff\x00")
    assert read(part("prompt", "x", headers="Content-Type: text/plain; charset=utf-8\r\n")).members == {"prompt": "x"}


def test_repeated_and_bracketed_fields_are_lists() -> None:
    form = read(
        part("include[]", "logprobs"), part("tag", "a"), part("tag", "b"), part("tag", "c"), file("image[]"),
        file("image[]"), part("chunking_strategy[type]", "server_vad"),
    )  # fmt: skip
    assert form.members["include"] == ["logprobs"]
    assert form.members["tag"] == ["a", "b", "c"]
    images: Any = form.members["image"]
    assert [image.size for image in images] == [len(WAV), len(WAV)]
    assert form.members["chunking_strategy[type]"] == "server_vad"
    numbered = read(file("image[0]"), file("image[1]"), part("tag[0]", "a")).members
    assert (len(numbered["image"]), numbered["tag"]) == (2, ["a"])  # type: ignore[arg-type]


def test_preamble_padding_and_epilogue_are_passed_over() -> None:
    body = (
        b"hello\r\n" + part("model", "m").replace(b"y\r\n", b"y \t\r\n", 1) + END[:-2] + b" \r\nbye\r\n--b0undary\r\n"
    )
    form = parse_form(request(body))
    assert form.members == {"model": "m"}
    assert form.edited({"model": "n"}) == body.replace(b"\r\nm\r\n", b"\r\nn\r\n")


def test_the_last_line_may_end_with_the_body() -> None:
    assert parse_form(request(part("model", "m") + END[:-2])).members == {"model": "m"}


def test_content_that_looks_like_a_boundary_stays_content() -> None:
    for content in (b"-- b0undary", b"\r\n--b0undaryX\r\n", b"\r\n--b0undary--X", b"\r\n", b"", b"\r\n\r\n"):
        form = read(part("file", content, more='; filename="x"'))
        described: Any = form.members["file"]
        assert described.size == len(content)


def test_an_edit_changes_one_field_and_no_other_byte() -> None:
    form = read(file(), part("model", "whisper-1"), part("language", "de"))
    expected = file() + part("model", "openai/whisper-large") + part("language", "de") + END
    assert form.edited({"model": "openai/whisper-large"}) == expected


def test_an_edit_adds_and_removes_fields() -> None:
    form = read(part("model", "m"), file(), part("tag", "a"), part("tag", "b"))
    assert form.edited({"tag": REMOVED, "stream": True}) == part("model", "m") + file() + part("stream", "true") + END
    assert form.edited({"tag": "c"}) == part("model", "m") + file() + part("tag", "c") + END
    assert parse_form(request(form.edited({"tag": ["x", "y"], "n": 2}))).members["tag"] == ["x", "y"]
    assert form.edited({"nothing": REMOVED}) == part("model", "m") + file() + part("tag", "a") + part("tag", "b") + END


def test_a_replaced_field_keeps_no_length_that_is_wrong_now() -> None:
    stated = part("model", "m", headers="Content-Length: 1\r\nX-Kept: yes\r\n")
    assert read(stated).edited({"model": "longer"}) == part("model", "longer", headers="X-Kept: yes\r\n") + END


def test_a_value_cannot_smuggle_in_another_part() -> None:
    with pytest.raises(BadRequest, match="boundary"):
        read(part("model", "m")).edited({"model": f"x\r\n--{BOUNDARY}\r\n"})


def test_a_quote_in_a_name_is_escaped_both_ways() -> None:
    form = parse_form(request(read(part("model", "m")).edited({'a"b\\c': "v"})))
    assert form.members['a"b\\c'] == "v"
    assert read(part("a%22b", "v")).members == {'a"b': "v"}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("application/json", "takes multipart/form-data, not application/json"),
        ("", "without Content-Type"),
        ("multipart/form-data", "names no boundary"),
        ("multipart/form-data; boundary=", "names no boundary"),
        ('multipart/form-data; boundary=""', "1 to 70"),
        (f"multipart/form-data; boundary={'x' * 71}", "1 to 70"),
        ('multipart/form-data; boundary="ends in space "', "1 to 70"),
        ("multipart/form-data; boundary=bö", "1 to 70"),
    ],
)
def test_a_content_type_that_cannot_be_followed_is_refused(kind: str, said: str) -> None:
    assert said in refusal(part("model", "m") + END, kind=kind)


def test_content_types_are_read_as_clients_write_them() -> None:
    body = part("model", "m") + END
    for kind in (
        f"Multipart/Form-Data;boundary={BOUNDARY}",
        f'multipart/form-data; charset=utf-8; Boundary="{BOUNDARY}"',
        f"multipart/form-data; boundary={BOUNDARY}; charset=utf-8",
    ):
        assert parse_form(request(body, kind)).members == {"model": "m"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "body is empty"),
        (b"model=whisper-1", "is cut"),
        (part("model", "m"), "is cut"),
        (part("model", "m") + END[:-3], "is cut"),
        (part("model", "m") + END.replace(b"--\r\n", b""), "is cut"),
        ((part("model", "m") + END).replace(b"\r\n", b"\n"), "is cut"),
        (b"--b0undary\r\n\r\nx\r\n" + END, "has no headers"),
        (b"--b0undary\r\n" + END, "no blank line"),
        (b"--b0undary\r\nContent-Disposition: form-data; name=a\r\n" + END, "no blank line"),
        (part("a", "x", headers="X: " + "y" * 9000 + "\r\n") + END, "within 8192 bytes"),
        (part("a", "x", headers="Bad header\r\n") + END, "header line without a name"),
        (part("a", "x", headers="X: 1\r\nx: 2\r\n") + END, "twice"),
        (b"--b0undary\r\nX: \xff\r\n\r\nx\r\n" + END, "not UTF-8"),
        (b"--b0undary\r\nContent-Type: text/plain\r\n\r\nx\r\n" + END, "Content-Disposition: form-data"),
        (b"--b0undary\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n" + END, "Content-Disposition: form-data"),
        (b'--b0undary\r\nContent-Disposition: form-data; name="a; x=1\r\n\r\nx\r\n' + END, "Content-Disposition"),
        (part("", "x") + END, "has no name"),
        (part("a", "x", more='; name="b"') + END, "states its name twice"),
        (part("a", b"\xff") + END, "'a' is not valid UTF-8"),
        (part("a", "eA==", headers="Content-Transfer-Encoding: base64\r\n") + END, "transfer-encoded"),
        (part("a", "x" * (TEXT_LIMIT + 1)) + END, "the limit is"),
        (part("model", "a") + part("model", "b") + END, "'model' twice"),
        (part("model", "a") + part("model[]", "b") + END, "'model' twice"),
        (part("a", "x") * (PART_LIMIT + 1) + END, f"more than {PART_LIMIT} parts"),
    ],
)
def test_a_faulty_form_is_refused_with_its_fault(body: bytes, said: str) -> None:
    assert said in refusal(body)


def test_a_refusal_never_quotes_what_was_sent() -> None:
    for body in (part("prompt", b"secret\xff") + END, part("prompt", "secret"), part("a", "secret" * 60_000) + END):
        assert "secret" not in refusal(body)


NAMES = st.text("abcdefgh_", min_size=1, max_size=6)
CONTENT = st.binary(max_size=40) | st.sampled_from([b"\r\n--b0undar", b"\r\n--b0undaryy\r\n", b"-b0undary", b"\r\n"])


@given(st.dictionaries(NAMES, CONTENT, max_size=5), st.sampled_from([b"", b"preamble\r\n"]))
def test_every_form_that_is_written_is_read_back(contents: dict[str, bytes], preamble: bytes) -> None:
    body = preamble + b"".join(part(n, c, more='; filename="f"') for n, c in contents.items()) + END
    form = parse_form(request(body))
    assert {name: each.size for name, each in form.members.items() if isinstance(each, File)} == {
        name: len(content) for name, content in contents.items()
    }
    assert form.edited({}) == body
    assert parse_form(request(form.edited({"model": "m"}))).members == {**form.members, "model": "m"}


@given(st.binary(max_size=200), st.integers(0, 300), st.integers(0, 300))
def test_any_bytes_are_read_or_refused(noise: bytes, start: int, stop: int) -> None:
    whole = file() + part("model", "m") + part("a", "x") + END
    body = whole[: min(start, stop)] + noise + whole[max(start, stop) :]
    try:
        form = parse_form(request(body))
    except BadRequest:
        return
    assert form.edited({}) == body


@pytest.mark.parametrize("unit", [b" ", b"\r\n", b"\r\n--b0undary", b"\r\n--b0undary ", b"-", b"--b0undary\r\n"])
def test_hostile_bytes_are_scanned_once(unit: bytes) -> None:
    """Were the effort to grow with the square of the size, this would take hours."""
    assert refusal(b"--b0undary\r\n" + unit * (4_000_000 // len(unit)))

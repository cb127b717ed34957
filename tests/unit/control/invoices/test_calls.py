"""Calls to vendors wait as they are told, give up in time, and never say the key."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sluice.control.invoices.calls import TRIES, Page, pages
from sluice.control.invoices.statements import VendorFailed
from tests.unit.control.invoices.stubs import SECRET, Answer, Stub, serving


class Numbers(Page):
    data: list[int]


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving(lambda _: Answer({"data": [1]})) as running:
        yield running


def asked(stub: Stub) -> Numbers:
    return stub.caller().get(f"{stub.url}/figures", [], Numbers)


def test_the_seconds_of_retry_after_are_waited(stub: Stub) -> None:
    stub.first = [Answer({}, 429, {"retry-after": "7"}), Answer({}, 503, {"Retry-After": "3"})]
    assert asked(stub).data == [1]
    assert stub.slept == [7.0, 3.0]


def test_the_moment_of_retry_after_is_waited_for(stub: Stub) -> None:
    stub.first = [Answer({}, 429, {"retry-after": "Mon, 23 Nov 2026 12:00:20 GMT"})]
    assert asked(stub).data == [1]
    assert stub.slept == [20.0]


def test_a_moment_that_has_passed_is_not_waited_for(stub: Stub) -> None:
    stub.first = [Answer({}, 429, {"retry-after": "Mon, 23 Nov 2026 11:00:00 GMT"})]
    asked(stub)
    assert stub.slept == [0.0]


@pytest.mark.parametrize("unreadable", ["", "soon", "-3", "\u00bd"])
def test_without_a_readable_retry_after_pauses_double(stub: Stub, unreadable: str) -> None:
    stub.first = [Answer({}, 500, {"retry-after": unreadable.encode("latin-1", "replace").decode("latin-1")})] * 3
    assert asked(stub).data == [1]
    assert stub.slept == [1.0, 2.0, 4.0]


def test_a_cut_connection_is_tried_again(stub: Stub) -> None:
    stub.first = [Answer(cut=True)]
    assert asked(stub).data == [1]


def test_a_vendor_that_stays_busy_is_left(stub: Stub) -> None:
    stub.first = [Answer({"error": {"code": "rate_limit_exceeded"}}, 429)] * TRIES
    with pytest.raises(VendorFailed, match=r"answered 429 \(rate_limit_exceeded\)") as failure:
        asked(stub)
    assert failure.value.kind == "busy"
    assert len(stub.asked) == TRIES


def test_more_patience_than_a_run_has_is_not_waited(stub: Stub) -> None:
    stub.first = [Answer({}, 429, {"retry-after": "3600"})]
    with pytest.raises(VendorFailed):
        asked(stub)
    assert stub.slept == []
    assert len(stub.asked) == 1


@pytest.mark.parametrize(
    ("status", "kind"), [(401, "credential"), (403, "credential"), (400, "refused"), (301, "refused")]
)
def test_what_no_retry_can_mend_is_told_at_once(stub: Stub, status: int, kind: str) -> None:
    stub.first = [Answer({"error": {"message": f"Incorrect API key provided: {SECRET}", "code": SECRET}}, status)]
    with pytest.raises(VendorFailed) as failure:
        asked(stub)
    assert failure.value.kind == kind
    assert len(stub.asked) == 1
    assert SECRET not in str(failure.value)


def test_an_unreachable_vendor_is_told(stub: Stub) -> None:
    caller = stub.caller()
    with pytest.raises(VendorFailed) as failure:
        caller.get("http://127.0.0.1:1/figures", [], Numbers)
    assert failure.value.kind == "unreachable"


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b'{"data": "many"}', b"[]", b'{"data": [1.5]}'])
def test_a_malformed_answer_is_told_without_its_content(stub: Stub, body: bytes) -> None:
    stub.first = [Answer(body)]
    with pytest.raises(VendorFailed) as failure:
        asked(stub)
    assert failure.value.kind == "malformed"
    assert "many" not in str(failure.value)
    assert failure.value.__context__ is None


def test_all_pages_are_read(stub: Stub) -> None:
    answers = {None: ([1], "two"), "two": ([2], "three"), "three": ([3], None)}

    def page(asked: object) -> Answer:
        cursor = asked.query.get("page", [None])[0]  # type: ignore[attr-defined]
        figures, following = answers[cursor]
        return Answer({"data": figures, "has_more": following is not None, "next_page": following})

    stub.responder = page
    found = list(pages(stub.caller(), f"{stub.url}/figures", [("limit", "1")], Numbers))
    assert [one.data for one in found] == [[1], [2], [3]]
    assert all(request.query["limit"] == ["1"] for request in stub.asked)


@pytest.mark.parametrize("cursor", [None, "", "same"])
def test_pages_that_do_not_end_are_told(stub: Stub, cursor: str | None) -> None:
    stub.responder = lambda _: Answer({"data": [], "has_more": True, "next_page": cursor})
    with pytest.raises(VendorFailed, match="do not end"):
        list(pages(stub.caller(), f"{stub.url}/figures", [], Numbers))


def test_a_caller_does_not_show_its_key(stub: Stub) -> None:
    assert SECRET not in repr(stub.caller())

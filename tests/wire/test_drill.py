"""The drill over recorded traffic, on a folder of three made-up recordings and on none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.drills.recordings import main, report, survey
from tests.wire.recordings import require

ANSWER = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
ASKED = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


def recorded(name: str, answer: object, **changes: Any) -> dict[str, Any]:
    request = {"method": "POST", "host": "host.example", "path": "/v1/chat/completions", "headers": {}, "body": ASKED}
    headers = {"content-type": "application/json"}
    record: dict[str, Any] = {"id": name, "provider": "host", "endpoint": "chat.completions", "model": "m", "kinds": []}
    record |= {"request": request, "response": {"status": 200, "headers": headers, "body": json.dumps(answer)}}
    return {**record, **changes}


def kept(folder: Path, *records: dict[str, Any], listed: int = 0) -> None:
    with gzip.open(folder / "host.jsonl.gz", "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(record) + "\n" for record in records)
    with gzip.open(folder / "INDEX.jsonl.gz", "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps({"id": record["id"]}) + "\n" for record in records)
        lines.writelines(json.dumps({"id": f"lost{number}"}) + "\n" for number in range(listed))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SLUICE_RECORDINGS", str(tmp_path))
    return tmp_path


def test_a_good_recording_is_decoded_counted_and_replayed(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept(place, recorded("a1", ANSWER), recorded("a2", {}, endpoint="some.thing"))
    assert main([]) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (figures["records"], figures["passed"], figures["exact"], figures["not_served"]) == (2, 1, 1, 1)


def test_an_answer_that_cannot_be_read_fails_the_drill(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept(place, recorded("a1", ANSWER), recorded("a2", {**ANSWER, "choices": "none"}))
    assert main([]) == 1
    heard = capsys.readouterr().out
    assert "host/chat.completions/a2: NOT EXPLAINED" in heard
    assert json.loads(heard.splitlines()[-1])["unexplained"] == 1


def test_a_failure_is_explained_by_what_stands_in_the_recording(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(place, recorded("a1", {"pages": []}))
    assert main([]) == 1
    assert "a1: its answer is of another operation of the vendor" in capsys.readouterr().out


def test_usage_that_does_not_come_to_the_stated_total_fails(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept(place, recorded("a1", {**ANSWER, "usage": {**ANSWER["usage"], "total_tokens": 9}}))  # type: ignore[dict-item]
    assert main([]) == 1
    assert "usage of openai_chat total: AssertionError" in capsys.readouterr().out


def test_a_recording_that_the_index_names_and_no_file_holds_fails_the_drill(place: Path) -> None:
    kept(place, recorded("a1", ANSWER), listed=1)
    assert main([]) == 1


def test_absent_recordings_fail_with_the_remedy_unless_that_is_no_fault(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLUICE_RECORDINGS", str(place / "nowhere"))
    assert main([]) == 1
    assert "SLUICE_RECORDINGS" in capsys.readouterr().out
    assert main(["--absent-ok"]) == 0


def test_one_of_each_sort_of_recorded_traffic_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    require()
    report(survey(1))
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["unexplained"] == 0

from __future__ import annotations

import json
import os
from pathlib import Path

from sluice.local.logs import request_lines, rotate


def request(at: int, name: str = "r") -> str:
    return json.dumps({"kind": "request", "_aws": {"Timestamp": at}, "entry": {"id": name}})


def opened(at: int, name: str = "o") -> str:
    return json.dumps({"kind": "open", "entry": {"id": name, "at": at}})


def ids(folder: Path, start: int, end: int) -> list[str]:
    return [line["entry"]["id"] for line in request_lines(folder, start, end)]


def test_request_and_open_lines_of_a_span_are_read(tmp_path: Path) -> None:
    lines = [request(9, "early"), opened(10, "open"), request(20, "late"), request(21, "later")]
    (tmp_path / "streaming.jsonl").write_text("\n".join(lines) + "\n")
    assert ids(tmp_path, 10, 20) == ["open", "late"]


def test_lines_of_all_functions_and_of_rotated_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "streaming.jsonl.1").write_text(request(1, "old") + "\n")
    (tmp_path / "streaming.jsonl").write_text(request(2, "new") + "\n")
    (tmp_path / "completion.jsonl").write_text(request(3, "other") + "\n")
    assert ids(tmp_path, 0, 9) == ["old", "other", "new"]


def test_other_lines_are_passed_over(tmp_path: Path) -> None:
    lines = ["plain text", '{"kind":"fault"}', '["kind"]', '{"level":"INFO"}', request(5), request(6)[:-9]]
    (tmp_path / "routing.jsonl").write_text("\n".join(lines))
    assert ids(tmp_path, 0, 9) == ["r"]


def test_a_file_that_is_older_than_the_span_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "streaming.jsonl"
    path.write_text(request(2_000_000) + "\n")
    os.utime(path, (1_000, 1_000))
    assert ids(tmp_path, 1_000_001, 9_000_000) == []
    assert ids(tmp_path, 1_000_000, 9_000_000) == ["r"]


def test_a_folder_without_logs_has_no_lines(tmp_path: Path) -> None:
    assert ids(tmp_path / "nowhere", 0, 9) == []


def test_a_file_over_the_limit_is_rotated_and_can_still_be_read(tmp_path: Path) -> None:
    (tmp_path / "streaming.jsonl").write_text(request(1) + "\n")
    (tmp_path / "routing.jsonl").write_text("")
    assert rotate(tmp_path, limit=10) == ["streaming"]
    assert not (tmp_path / "streaming.jsonl").exists()
    assert ids(tmp_path, 0, 9) == ["r"]
    assert rotate(tmp_path, limit=10) == []

"""Log lines are whole and cannot be forged."""

from __future__ import annotations

import io

import pytest

from sluice.aws.stdout import StdoutLines


def test_a_line_is_one_line() -> None:
    stream = io.StringIO()
    lines = StdoutLines(stream)
    lines.write('{"a":1}')
    lines.write('b\n{"kind":"request"}\r\n')
    assert stream.getvalue().splitlines() == ['{"a":1}', 'b {"kind":"request"}  ']


def test_standard_output_is_the_place_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    StdoutLines().write("x")
    assert capsys.readouterr().out == "x\n"

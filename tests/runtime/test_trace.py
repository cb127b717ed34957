"""The trace of an event, as X-Ray's SDK finds it."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator

import pytest

from streaming_runtime.loop import TRACE_ID, set_trace_id


@pytest.fixture(autouse=True)
def no_trace_afterwards() -> Iterator[None]:
    yield
    set_trace_id(None)


def test_the_environment_names_the_trace_of_the_event_and_forgets_it() -> None:
    set_trace_id("Root=1-a")
    assert os.environ[TRACE_ID] == "Root=1-a"
    set_trace_id("Root=1-b")
    assert (os.environ[TRACE_ID], dict(os.environ)[TRACE_ID]) == ("Root=1-b", "Root=1-b")
    set_trace_id(None)
    assert TRACE_ID not in os.environ


def test_the_c_library_which_keeps_every_value_is_not_told() -> None:
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    set_trace_id("Root=1-c")
    assert getenv(TRACE_ID.encode()) is None

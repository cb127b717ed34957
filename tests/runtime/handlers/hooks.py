"""A function with hooks around a snapshot, where AWS's registry for them can be imported."""

import os

NOTED = []


def note(word):
    NOTED.append(word)
    if os.environ.get("FAIL") == word.split()[0]:
        raise RuntimeError(f"failed {word.split()[0]}")


try:
    from snapshot_restore_py import register_after_restore, register_before_snapshot
except ImportError:
    pass
else:
    for number in (1, 2):
        register_before_snapshot(note, f"before {number}")
        register_after_restore(note, f"after {number}")


def handler(event, context):
    return NOTED

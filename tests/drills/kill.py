"""Providers that hang, break and babble, callers who leave, environments and a ledger that are killed: what is left?

After each fault the gateway still serves, the caller was told in its own dialect (by a status before the first byte, by
an error event after it), and the ledger has exactly one entry for the request, with the cost of one answer at most.
Everything goes through a whole local stack with the simulated provider; nothing is patched.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.drills.callers import ANTHROPIC, DIALECTS, OPENAI
from tests.drills.faults import BEFORE, FALLBACK, INSIDE, WAITED, Drill, Finding, opened
from tests.drills.killing import caller_leaves, environment_dies, environment_dies_settling, ledger_stands_still
from tests.stacks import missing

MODELS = ("sim-fast", "sim-claude")


def scenarios(drill: Drill) -> Iterator[Callable[[], Finding]]:
    """Yield every scenario, each a call that plays it."""
    for dialect in DIALECTS:
        for model in MODELS:
            for fault in (*BEFORE, *INSIDE):
                if fault.concerns(dialect, model):
                    yield partial(drill.single, fault, dialect, model)
        for fault in FALLBACK:
            for order in (MODELS, MODELS[::-1]):
                yield partial(drill.fallback, fault, dialect, order)
        for fault in WAITED:
            yield partial(drill.waited, fault, dialect)
    for dialect, model in ((OPENAI, "sim-fast"), (ANTHROPIC, "sim-fast")):
        yield partial(caller_leaves, drill, dialect, model)
        for started in (False, True):
            yield partial(environment_dies, drill, dialect, model, started=started)
    yield partial(environment_dies_settling, drill)
    yield partial(ledger_stands_still, drill)


def main() -> int:
    """Print what each scenario came to and the summary; 1 when anything was wrong."""
    reason = missing() or (
        None if Path("/proc").is_dir() else "this system has no /proc, by which environments are found"
    )
    if reason is not None:
        print(f"the drill cannot run: {reason}", file=sys.stderr)
        return 1
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="sluice-kill-") as folder, opened(Path(folder)) as drill:
        for play in scenarios(drill):
            findings.append(_told(play()))
        books = _told(drill.books())
    wrong = sum(bool(finding.wrong) for finding in (*findings, books))
    print(json.dumps({"scenarios": len(findings), **books.counts, "wrong": wrong, "bar": 0}))
    return 1 if wrong else 0


def _told(finding: Finding) -> Finding:
    print(f"{'WRONG' if finding.wrong else 'ok':6} {finding.name:80} {finding.figures}")
    for wrong in finding.wrong:
        print(f"       {wrong}")
    return finding


if __name__ == "__main__":
    sys.exit(main())

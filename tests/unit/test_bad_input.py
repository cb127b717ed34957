"""The short form of the bad-input drill."""

from __future__ import annotations

import pytest

from tests.drills.bad_input import Case, ask, envelope_fault, gateway, listed, run

CASES = list(listed())


@pytest.mark.parametrize("case", CASES, ids=[f"{c.path}: {c.name}" for c in CASES])
def test_bad_input_gets_its_status_and_a_remedy_in_the_callers_dialect(case: Case) -> None:
    response, body = ask(gateway(), case)
    assert (response.status, envelope_fault(case.path, body)) == (case.status, ""), body[:300]


def test_no_mutated_body_makes_the_gateway_fail_or_charge() -> None:
    findings = run(600, seed=3)
    assert not findings.wrong, findings.wrong[:5]
    assert findings.statuses[400] > 100

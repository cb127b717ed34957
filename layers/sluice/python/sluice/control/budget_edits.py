"""Budgets and limits as an administrator edits them: one at a time, each edit a new version of the configuration.

An edit takes the live document, changes one rule in it, publishes the result and makes it live, unless the live version
was moved meanwhile; then nothing happens and the editor is told. So two people who edit at once cannot undo each
other's work, and every edit can be rolled back like any other version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sluice.control.budget_schema import dollars
from sluice.control.configurations import Configurations, Conflict, Live
from sluice.errors import NotFound

MONEY = ("amount", "grace", "per_request")
SINGULAR = {"budgets": "budget", "limits": "limit"}


@dataclass(frozen=True)
class Rules:
    """The rules of one kind in the live configuration, by id, and the pointer at which they were read."""

    live: Live
    rules: Mapping[str, Mapping[str, object]]


@dataclass(frozen=True)
class Edited:
    """What an edit led to: the version that is live now, the rule (None: deleted), and what is doubtful about it."""

    version: str
    rule: Mapping[str, object] | None
    doubts: list[str] = field(default_factory=list)


class RuleEdits:
    """The use cases for one member of the document: "budgets" or "limits"."""

    def __init__(self, configurations: Configurations, member: str) -> None:
        self._configurations = configurations
        self._member = member

    def listing(self) -> Rules:
        """Return all rules of the live configuration."""
        live = self._configurations.live()
        return Rules(live, self._of(self._document(live)))

    def get(self, rule_id: str) -> Mapping[str, object]:
        """Return one rule. Raises NotFound."""
        return self._found(self.listing().rules, rule_id)

    def put(self, rule_id: str, rule: Mapping[str, object], expected: str | None = None) -> Edited:
        """Create or replace a rule; `expected` is the version that the editor looked at.

        Raises:
            BadRequest: the rule, or what the document becomes with it, is not valid.
            Conflict: another version is live.
        """
        live = self._live(expected)
        document = self._document(live)
        edited = self._go_live({**document, self._member: {**self._of(document), rule_id: rule}}, live)
        after = self._of(self._configurations.document(edited))
        places = (rule_id, f"{self._member}.{rule_id}", f"{self._member}.{rule_id}.amount")
        doubts = [doubt for doubt in self._configurations.doubts(edited) if doubt.partition(":")[0] in places]
        return Edited(edited, after[rule_id], doubts)

    def delete(self, rule_id: str, expected: str | None = None) -> Edited:
        """Delete a rule. Raises NotFound, Conflict."""
        live = self._live(expected)
        document = self._document(live)
        rules = self._of(document)
        self._found(rules, rule_id)
        left = {name: rule for name, rule in rules.items() if name != rule_id}
        without = {name: part for name, part in document.items() if name != self._member}
        return Edited(self._go_live({**without, self._member: left} if left else without, live), None)

    def _live(self, expected: str | None) -> Live:
        live = self._configurations.live()
        if expected is not None and live.version != expected:
            raise Conflict(
                f"Version {expected[:12]} is no longer live: somebody moved it to {(live.version or 'none')[:12]}. "
                "Look at it and try again."
            )
        return live

    def _go_live(self, document: Mapping[str, object], live: Live) -> str:
        version = self._configurations.publish(document)
        if version != live.version:
            self._configurations.promote(version, live.revision)
        return version

    def _document(self, live: Live) -> Mapping[str, object]:
        return {} if live.version is None else self._configurations.document(live.version)

    def _of(self, document: Mapping[str, object]) -> Mapping[str, Mapping[str, object]]:
        rules = document.get(self._member)
        return rules if isinstance(rules, Mapping) else {}

    def _found(self, rules: Mapping[str, Mapping[str, object]], rule_id: str) -> Mapping[str, object]:
        if rule_id not in rules:
            what = SINGULAR[self._member]
            raise NotFound(
                f"There is no {what} {rule_id[:64]!r}. 'sluice {self._member} list' shows the ids.",
                code=f"{what}_not_found",
            )
        return rules[rule_id]


def rule_card(rule_id: str, rule: Mapping[str, object]) -> dict[str, object]:
    """Return a rule as the API shows it: as published, with its id, and money in US dollars beside the nano-USD."""
    money = {f"{name}_usd": dollars(amount) for name in MONEY if isinstance(amount := rule.get(name), int)}
    return {"id": rule_id, **rule, **money}

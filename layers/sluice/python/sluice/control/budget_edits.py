"""Budgets and limits as an administrator edits them: one at a time, each edit a new version of the configuration.

An edit takes the live document, changes one rule in it, publishes the result and makes it live, unless the live version
was moved meanwhile; then nothing happens and the editor is told. So two people who edit at once cannot undo each
other's work, and every edit can be rolled back like any other version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sluice.control.access import title
from sluice.control.budget_schema import dollars
from sluice.control.configurations import Configurations, Conflict, Live
from sluice.errors import NotFound, PermissionDenied
from sluice.types.audit import OPERATOR, Actor, Change

Rule = Mapping[str, object]
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

    def listing(self, by: Actor = OPERATOR) -> Rules:
        """Return all rules of the live configuration that the actor sees."""
        live = self._configurations.live()
        rules = self._of(self._document(live))
        return Rules(live, {name: rule for name, rule in rules.items() if _sees(by, rule)})

    def get(self, rule_id: str, by: Actor = OPERATOR) -> Mapping[str, object]:
        """Return one rule. Raises NotFound."""
        return self._found(self.listing(by).rules, rule_id)

    def put(
        self, rule_id: str, rule: Mapping[str, object], expected: str | None = None, by: Actor = OPERATOR
    ) -> Edited:
        """Create or replace a rule; `expected` is the version that the editor looked at.

        Raises:
            BadRequest: the rule, or what the document becomes with it, is not valid.
            Conflict: another version is live.
            PermissionDenied: the rule is, or would be, beyond a bound actor's team.
        """
        live = self._live(expected)
        document = self._document(live)
        before = self._of(document).get(rule_id)
        if not _sees(by, rule) or (before is not None and not _sees(by, before)):
            raise PermissionDenied(
                f"{title(by)} is bound to team {by.team}: it sets {self._member} with the scope team:{by.team} only.",
                code="team_bound",
            )
        change = self._change("put", rule_id, by, before, rule)
        edited = self._go_live({**document, self._member: {**self._of(document), rule_id: rule}}, live, change)
        after = self._of(self._configurations.document(edited))
        places = (rule_id, f"{self._member}.{rule_id}", f"{self._member}.{rule_id}.amount")
        doubts = [doubt for doubt in self._configurations.doubts(edited) if doubt.partition(":")[0] in places]
        return Edited(edited, after[rule_id], doubts)

    def delete(self, rule_id: str, expected: str | None = None, by: Actor = OPERATOR) -> Edited:
        """Delete a rule. Raises NotFound, Conflict."""
        live = self._live(expected)
        document = self._document(live)
        rules = self._of(document)
        before = self._found({name: rule for name, rule in rules.items() if _sees(by, rule)}, rule_id)
        left = {name: rule for name, rule in rules.items() if name != rule_id}
        without = {name: part for name, part in document.items() if name != self._member}
        change = self._change("delete", rule_id, by, before, None)
        return Edited(self._go_live({**without, self._member: left} if left else without, live, change), None)

    def _change(self, verb: str, rule_id: str, by: Actor, before: Rule | None, after: Rule | None) -> Change:
        team = next((_team(rule) for rule in (after, before) if rule is not None), "")
        return Change(f"{self._member}.{verb}", f"{self._member}/{rule_id}", by, team, before, after)

    def _live(self, expected: str | None) -> Live:
        live = self._configurations.live()
        if expected is not None and live.version != expected:
            raise Conflict(
                f"Version {expected[:12]} is no longer live: somebody moved it to {(live.version or 'none')[:12]}. "
                "Look at it and try again."
            )
        return live

    def _go_live(self, document: Mapping[str, object], live: Live, change: Change) -> str:
        version = self._configurations.stored(document)
        self._configurations.promote(version, live.revision, change=change)
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


def _sees(by: Actor, rule: Rule) -> bool:
    return not by.team_bound or _team(rule) == by.team


def _team(rule: Rule) -> str:
    """Return the one team that a rule is about, "" for every other scope."""
    scope = rule.get("scope")
    if isinstance(scope, str):  # as people write it
        scope = dict(zip(("kind", "value"), scope.split(":", 1), strict=False))
    if not isinstance(scope, Mapping) or scope.get("kind") != "team" or scope.get("value") in (None, "*"):
        return ""
    return str(scope["value"])


def rule_card(rule_id: str, rule: Mapping[str, object]) -> dict[str, object]:
    """Return a rule as the API shows it: as published, with its id, and money in US dollars beside the nano-USD."""
    money = {f"{name}_usd": dollars(amount) for name in MONEY if isinstance(amount := rule.get(name), int)}
    return {"id": rule_id, **rule, **money}

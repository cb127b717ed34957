"""What is wrong with budgets and limits beyond their form, and what is only doubtful.

Complaints refuse a document: a rule that can never apply guards nothing, and its author believes that it does. Doubts
are told with a published version and refuse nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from sluice.control.budget_schema import dollars
from sluice.types.budgets import Budget, Limit, Scope, Window
from sluice.types.catalogue import Model, Provider
from sluice.types.routes import Configuration

FORGEABLE = {"user": "the end user's name", "tag": "the tag"}
SMALL = 10_000_000
"""A cent: less than that is more likely an amount written in the wrong unit."""


class Catalogue(Protocol):
    """What is asked of the provider registry."""

    def provider(self, name: str) -> Provider | None:
        """Return one provider."""

    def resolve(self, name: str) -> list[tuple[Provider, Model]]:
        """Return who offers a model."""


def rule_complaints(configuration: Configuration, catalogue: Catalogue) -> Iterator[str]:
    """Yield what makes a budget or limit useless: a scope or a downgrade that leads nowhere."""
    for where, rule in _rules(configuration):
        reason = _never_applies(rule.scope, configuration, catalogue)
        if reason:
            yield f"{where}.scope: can never apply; {reason}"
    for name, budget in configuration.budgets.items():
        target = budget.downgrade
        if target is not None and target not in configuration.routes and not _known(target, configuration, catalogue):
            yield f"budgets.{name}.downgrade: {target!r} is neither a route nor a model of the catalogue"


def rule_doubts(configuration: Configuration) -> list[str]:
    """Return what is allowed and probably not meant, one sentence each."""
    return [*_forgeable(configuration), *_small(configuration), *_overlapping(configuration)]


def _rules(configuration: Configuration) -> Iterator[tuple[str, Budget | Limit]]:
    for name, budget in configuration.budgets.items():
        yield f"budgets.{name}", budget
    for name, limit in configuration.limits.items():
        yield f"limits.{name}", limit


def _never_applies(scope: Scope, configuration: Configuration, catalogue: Catalogue) -> str:
    if scope.value == "*":
        return ""
    if scope.kind == "route" and scope.value not in configuration.routes:
        return f"there is no route {scope.value!r}"
    if scope.kind == "provider" and catalogue.provider(scope.value) is None:
        return f"the catalogue has no provider {scope.value!r}"
    if scope.kind == "model" and not _known(scope.value, configuration, catalogue):
        return f"no provider offers {scope.value!r}"
    without_key = scope.value.startswith(("oidc:", "iam:"))  # callers by token or signature: docs/identity.md
    is_id = len(scope.value) == 12 and scope.value.isascii() and scope.value.isalnum()
    if scope.kind == "key" and not (without_key or is_id):
        return "a key is named by its id, the 12 characters that 'sluice keys list' shows"
    if scope.kind in ("team", "tag") and ("," in scope.value or scope.value != scope.value.strip()):
        return f"no {scope.kind} is called {scope.value!r}"
    return ""


def _known(model: str, configuration: Configuration, catalogue: Catalogue) -> bool:
    if model in configuration.models or catalogue.resolve(model):
        return True
    provider = catalogue.provider(model.partition("/")[0]) if "/" in model else None
    if provider is None:
        own = (each for each in configuration.models.values())
        return any(model in (each.id, *each.aliases) for each in own)
    settings = configuration.providers.get(provider.name)
    return provider.any_model or (settings is not None and settings.any_model)


def _forgeable(configuration: Configuration) -> Iterator[str]:
    for where, rule in _rules(configuration):
        what = FORGEABLE.get(rule.scope.kind)
        if what and (isinstance(rule, Limit) or rule.hard):
            kind = "limit" if isinstance(rule, Limit) else "hard budget"
            yield (
                f"{where}: a {kind} on {what}, which callers choose themselves or leave out; "
                "put one on their team or key as well"
            )


def _small(configuration: Configuration) -> Iterator[str]:
    for name, budget in configuration.budgets.items():
        if 0 < budget.amount < SMALL:
            yield (
                f"budgets.{name}.amount: {budget.amount} nano-USD are ${dollars(budget.amount)}; "
                f"write {str(budget.amount)!r} as text if dollars are meant"
            )


def _overlapping(configuration: Configuration) -> Iterator[str]:
    for name in sorted(set(configuration.budgets) & set(configuration.limits)):
        yield f"{name}: names a budget and a limit; callers that are refused cannot tell which is meant"
    yield from _twice("budgets", ((n, (b.scope, b.window, b.hard)) for n, b in configuration.budgets.items()))
    yield from _twice("limits", ((n, limit.scope) for n, limit in configuration.limits.items()))
    for member in ("budgets", "limits"):
        names = sorted(getattr(configuration, member))
        folded = {name.lower(): name for name in names}
        for name in names:
            if folded[name.lower()] != name:
                yield f"{member}: {name} and {folded[name.lower()]} differ in capitals only"


def _twice(member: str, rules: Iterable[tuple[str, Scope | tuple[Scope, Window, bool]]]) -> Iterator[str]:
    first: dict[object, str] = {}
    for name, counted in rules:
        other = first.setdefault(counted, name)
        if other != name:
            yield f"{member}.{name}: counts the same as {member}.{other}; the smaller of the two decides"

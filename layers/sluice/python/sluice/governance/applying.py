"""Which budgets and limits apply to a request, and the counters that they count it in.

What is known before a plan is made (organisation, team, key, end user, tags, route) applies to the request; provider
and model apply to each deployment that is about to be called. Rules are sorted once per configuration version; a
request that none applies to costs a few look-ups. Import this only for a configuration that has budgets or limits.

A scope with a value applies to that value; with "*" to every one, each with a counter of its own. Nothing applies to
what a request does not have: a budget for end users passes a request that names none. A `model` scope is written
`provider/model`, or as a bare id, which counts that model at every provider together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from sluice.governance.counter_names import ORGANISATION, budget_counter, limit_counter
from sluice.governance.windows import Current, window_at
from sluice.types.budgets import Budget, Limit, Scope, Window
from sluice.types.routes import Configuration
from sluice.types.tenancy import Caller

ANY = "*"
DEPLOYMENT_KINDS = frozenset({"provider", "model"})


class AppliedBudget(NamedTuple):
    """A budget, the counter that it counts a request in, and the window that the counter is for."""

    budget: Budget
    name: str
    window: Current

    @property
    def before(self) -> tuple[str, ...]:
        """Names of the counters whose spending counts with this one: a rolling window's earlier sub-windows."""
        stem = self.name.removesuffix(self.window.id)
        return tuple(stem + earlier for earlier in self.window.before)


class AppliedLimit(NamedTuple):
    """A limit and the counter that it counts a request in."""

    limit: Limit
    name: str


class Applied(NamedTuple):
    """What applies, in the order of ids."""

    budgets: tuple[AppliedBudget, ...] = ()
    limits: tuple[AppliedLimit, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything applies."""
        return bool(self.budgets or self.limits)


NOTHING = Applied()
_Rule = Budget | Limit
_Match = tuple[_Rule, str]


class _Rules:
    """The rules of one kind of scope (of one tag's name): by value, and those for every value."""

    __slots__ = ("every", "exact")

    def __init__(self) -> None:
        self.exact: dict[str, list[_Rule]] = {}
        self.every: list[_Rule] = []

    def add(self, rule: _Rule) -> None:
        if rule.scope.value == ANY:
            self.every.append(rule)
        else:
            self.exact.setdefault(rule.scope.value, []).append(rule)

    def of(self, value: str, counted_as: str = "") -> Iterator[_Match]:
        for rule in self.exact.get(value, ()):
            yield rule, counted_as or value
        for rule in self.every:
            yield rule, counted_as or value


class Applicable:
    """The budgets and limits of one configuration version, sorted by what they apply to."""

    def __init__(self, budgets: Iterable[Budget], limits: Iterable[Limit]) -> None:
        self._kinds: dict[str, _Rules] = {}
        self._tags: dict[str, _Rules] = {}
        self._windows: dict[Window, Current] = {}
        rules: list[_Rule] = [*budgets, *limits]
        for rule in rules:
            self._rules(rule.scope).add(rule)
        self.by_user = "user" in self._kinds
        """Whether it matters who the end user is."""
        self.by_deployment = bool(DEPLOYMENT_KINDS & set(self._kinds))
        """Whether `to_deployment` can ever return anything."""

    def to_request(self, caller: Caller, *, user: str = "", route: str | None = None, now: float) -> Applied:
        """Return what applies to a request whatever deployment serves it; `now` in epoch seconds."""
        matches: list[_Match] = []
        kinds = self._kinds
        if "organisation" in kinds:
            matches += ((rule, ORGANISATION) for rule in kinds["organisation"].every)
        for kind, value in (("team", caller.team), ("key", caller.key.id), ("user", user), ("route", route)):
            if value and kind in kinds:
                matches += kinds[kind].of(value)
        if self._tags:
            matches += self._of_tags(caller.tags)
        return self._applied(matches, now) if matches else NOTHING

    def to_deployment(self, provider: str, model: str, *, now: float) -> Applied:
        """Return what applies to one deployment beside that; `model` is the id without its provider."""
        if not self.by_deployment:
            return NOTHING
        matches: list[_Match] = []
        kinds = self._kinds
        if "provider" in kinds:
            matches += kinds["provider"].of(provider)
        if "model" in kinds:
            matches += kinds["model"].of(f"{provider}/{model}")
            if "/" not in model:
                matches += ((rule, model) for rule in kinds["model"].exact.get(model, ()))
        return self._applied(matches, now) if matches else NOTHING

    def _rules(self, scope: Scope) -> _Rules:
        if scope.kind == "tag":
            return self._tags.setdefault(scope.name, _Rules())
        return self._kinds.setdefault(scope.kind, _Rules())

    def _of_tags(self, tags: Iterable[tuple[str, str]]) -> Iterator[_Match]:
        # A tag that is sent twice counts once: the first one is taken.
        sent: Mapping[str, str] = dict(reversed(tuple(tags)))
        for name, value in sent.items():
            if name in self._tags:
                yield from self._tags[name].of(value, f"{name}={value}")

    def _applied(self, matches: list[_Match], now: float) -> Applied:
        matches.sort(key=lambda match: match[0].id)
        budgets: list[AppliedBudget] = []
        limits: list[AppliedLimit] = []
        for rule, value in matches:
            if isinstance(rule, Budget):
                window = self._window(rule.window, now)
                budgets.append(AppliedBudget(rule, budget_counter(rule.id, value, window.id), window))
            else:
                limits.append(AppliedLimit(rule, limit_counter(rule.id, value)))
        return Applied(tuple(budgets), tuple(limits))

    def _window(self, window: Window, now: float) -> Current:
        held = self._windows.get(window)
        if held is None or not held.start <= now < held.end:
            held = self._windows[window] = window_at(window, now)
        return held


class Applying:
    """The rules of the configuration in force, sorted again only when another version comes."""

    def __init__(self) -> None:
        self._configuration: Configuration | None = None
        self._rules: Applicable | None = None

    def rules(self, configuration: Configuration) -> Applicable | None:
        """Return the rules of a configuration, None when it has none."""
        if configuration is not self._configuration:
            found = configuration.budgets or configuration.limits
            made = Applicable(configuration.budgets.values(), configuration.limits.values()) if found else None
            self._configuration, self._rules = configuration, made
        return self._rules

"""Applies the parameter policy that a provider or model declares to wire JSON, in pass-through and translation alike.

A policy is five quirks, applied in this order, each to what the one before it left:

1. `rename`    moves a member to the name that the provider knows (a value there already wins);
2. `refuse`    ends the request: the member is rejected and means too much to be left out;
3. `drop`      leaves a member out;
4. `clamp`     brings a number into the range that the provider takes;
5. `defaults`  sets a member that nobody sent.

Names are top-level members or dotted paths (`generationConfig.temperature`); a bare name is also looked for in the
sections that the dialect names. null counts as not sent. A rename or default is reported and allowed on strict routes;
a drop or clamp weakens the request, so it is reported by lenient routes and refused by strict ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from sluice.dialects.base import REMOVED, JsonObject
from sluice.errors import UnsupportedParameter

if TYPE_CHECKING:
    from sluice.dialects.edits import Edits

POLICY = ("rename", "refuse", "drop", "clamp", "defaults")
"""The quirks of a policy, in the order in which they are applied."""

_LISTS = ("refuse", "drop")
_NAMES = frozenset(POLICY)
_ABSENT: object = object()
_REMEDY = "or use a route that is not strict about parameters"
_DROPPED = (
    "This model does not take '{name}'. Leave it out or choose another model, " + _REMEDY + ": those leave it out."
)


class Changes(dict[str, object]):
    """The top-level members to set in a body (REMOVED takes one away), with what is to be said of them.

    A changed member of which nothing was said is reported as what happened to it: `dropped:name` or `set:name`.
    """

    _edits: tuple[str, ...] = ()
    _losses: tuple[tuple[str, str], ...] = ()
    _told: tuple[str, ...] = ()

    def say(self, edit: str, *members: str) -> None:
        """Report an edit that keeps the meaning; it speaks for the changes of `members`."""
        if edit not in self._edits:
            self._edits = (*self._edits, edit)
        self._told = (*self._told, *members)

    def lose(self, edit: str, name: str, reason: str, *members: str) -> None:
        """Report an edit that weakens what was asked: strict routes refuse `name` for `reason`."""
        self.say(edit, *members)
        self._losses = (*self._losses, (name, reason))

    def silence(self, *members: str) -> None:
        """Keep changes of `members` out of the report: the caller has what it asked for."""
        self._told = (*self._told, *members)

    def check(self) -> None:
        """Raise UnsupportedParameter for the first edit that a strict route does not allow."""
        for name, reason in self._losses:
            raise UnsupportedParameter(reason, param=name)

    def reported(self, silent: Collection[str] = ()) -> tuple[str, ...]:
        """Return what was changed, without the members in `silent`."""
        return (*self._edits, *reports(self, (*silent, *self._told)))


def reports(changes: Mapping[str, object], silent: Collection[str] = ()) -> tuple[str, ...]:
    """Return what happened to each changed member but for those in `silent`."""
    return tuple(
        f"{'dropped' if value is REMOVED else 'set'}:{name}" for name, value in changes.items() if name not in silent
    )


def declares(quirks: JsonObject) -> bool:
    """Return whether quirks hold a policy at all, at the cost of one look at each name."""
    return not _NAMES.isdisjoint(quirks)


def changes_of(body: JsonObject, quirks: JsonObject, inside: Sequence[str] = ()) -> Changes:
    """Return the changes that a policy makes in `body`; `inside` are the sections in which bare names may stand.

    Raises:
        UnsupportedParameter: a member is present that may not be left out.
    """
    changes = Changes()
    if not declares(quirks):
        return changes
    draft = _Draft(body, changes, inside)
    if "rename" in quirks:
        for old, new in _entries(quirks, "rename"):
            _rename(draft, old, str(new))
    if "refuse" in quirks:
        for name in draft.possible(names(quirks, "refuse")):
            if draft.find(name) is not None:
                raise UnsupportedParameter(
                    f"This model does not take '{name}'. Leave it out or choose another model.", param=name
                )
    if "drop" in quirks:
        for name in draft.possible(names(quirks, "drop")):
            _drop(draft, name)
    if "clamp" in quirks:
        for name, bounds in _entries(quirks, "clamp"):
            _clamp(draft, name, bounds)
    if "defaults" in quirks:
        for name, value in _entries(quirks, "defaults"):
            _default(draft, name, value)
    return changes


def apply(body: dict[str, object], changes: Changes, edits: Edits) -> None:
    """Make the changes in a body that was translated, and report them. Raises UnsupportedParameter when strict."""
    if edits.strict:
        changes.check()
    for name, value in changes.items():
        if value is REMOVED:
            body.pop(name, None)
        else:
            body[name] = value
    for edit in changes.reported():
        edits.note(edit)


def merged(provider: JsonObject, model: JsonObject) -> dict[str, object]:
    """Return the quirks of a model of a provider.

    What the model states replaces the provider's word, quirk by quirk, but a policy adds to it: names join the
    provider's list ("!name" takes one of them out), entries join its map (null takes one out), and an empty list or map
    lifts the whole quirk. What a model drops is not refused for its provider's sake, nor the other way round.
    """
    quirks = {**provider, **model}
    if not declares(model):
        return quirks
    for name in POLICY:
        if name in model and name in provider:
            quirks[name] = _joined(provider[name], model[name])
    for name, other in (_LISTS, _LISTS[::-1]):
        if name in model and other in provider and other not in model:
            quirks[other] = [word for word in names(provider, other) if word not in names(model, name)]
    return quirks


def names(quirks: JsonObject, quirk: str) -> list[str]:
    """Return the names that a list quirk declares."""
    declared = quirks.get(quirk)
    return [*map(str, declared)] if isinstance(declared, list | tuple) else []


class _Draft:
    """A body under changes; places are paths of names, values along them are copied before they are changed."""

    __slots__ = ("_body", "_inside", "changes")

    def __init__(self, body: JsonObject, changes: Changes, inside: Sequence[str]) -> None:
        self._body = body
        self._inside = inside
        self.changes = changes

    def find(self, path: str) -> tuple[str, ...] | None:
        """Return the place of a member that was sent and is not null."""
        places = map(self._spelled, self._ways(path))
        return next((place for place in places if self.value(place) not in (None, _ABSENT)), None)

    def stands(self, path: str) -> tuple[str, ...] | None:
        """Return the place of a member that was sent, be it null."""
        if path not in self.changes:  # the quick answers, for most names of most policies
            if path in self._body:
                return (path,)
            if not self._inside and "." not in path and path.islower():
                return None
        for way in self._ways(path):
            place = self._spelled(way)
            if self.value(place) is not _ABSENT:
                return place
        return None

    def vacant(self, path: str) -> tuple[str, ...] | None:
        """Return the place where a member may be set that was not sent; None where it was or cannot be."""
        place = self.stands(path) or self._spelled(path.split("."))
        if self.value(place) not in (None, _ABSENT) or self._body.get(".".join(place)) is not None:
            return None  # what was sent under this name and went elsewhere was sent all the same
        above = self.value(place[:-1]) if len(place) > 1 else {}
        return place if above in (None, _ABSENT) or isinstance(above, Mapping) else None

    def value(self, place: Sequence[str]) -> object:
        """Return what stands in a place, `_ABSENT` where nothing does."""
        top = self.changes.get(place[0], _ABSENT)
        if top is _ABSENT:
            top = self._body.get(place[0], _ABSENT)
        value = _ABSENT if top is REMOVED else top
        for name in place[1:]:
            value = value.get(name, _ABSENT) if isinstance(value, Mapping) else _ABSENT
        return value

    def put(self, place: Sequence[str], value: object) -> None:
        """Set what stands in a place; REMOVED takes it away."""
        if len(place) == 1:
            if value is REMOVED and place[0] not in self._body:
                self.changes.pop(place[0], None)
            else:
                self.changes[place[0]] = value
            return
        above = self.value(place[:-1])
        copied = dict(above) if isinstance(above, Mapping) else {}
        if value is REMOVED:
            copied.pop(place[-1], None)
        else:
            copied[place[-1]] = value
        self.put(place[:-1], copied)

    def possible(self, paths: list[str]) -> list[str]:
        """Return the names that may stand somewhere: most names of most policies are not in most bodies."""
        if self._inside:
            return paths
        body, changes = self._body, self.changes
        if changes:
            return paths
        return [n for n in paths if n in body or "." in n or not n.islower()]

    def _ways(self, path: str) -> Iterable[list[str]]:
        way = path.split(".")
        yield way
        if len(way) == 1:
            yield from ([section, path] for section in self._inside)

    def _spelled(self, way: Sequence[str]) -> tuple[str, ...]:
        """Return the path as the caller spells it: protocol buffers take camelCase and snake_case alike."""
        place: tuple[str, ...] = ()
        for name in way:
            other = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
            twin = other != name and self.value((*place, name)) is _ABSENT
            place = (*place, other if twin and self.value((*place, other)) is not _ABSENT else name)
        return place


def _drop(draft: _Draft, name: str) -> None:
    """Leave a member out, wherever it stands."""
    while (place := draft.stands(name)) is not None:
        sent = draft.value(place)
        draft.put(place, REMOVED)
        if sent is None:
            draft.changes.silence(place[0])
        else:
            draft.changes.lose(f"dropped:{name}", name, _DROPPED.format(name=name), place[0])


def _rename(draft: _Draft, old: str, new: str) -> None:
    place = draft.stands(old)
    if place is None:
        return
    sent = draft.value(place)
    draft.put(place, REMOVED)
    target = (*place[:-1], new) if len(place) > 1 and "." not in new else tuple(new.split("."))
    if sent is None:
        draft.changes.silence(place[0])
    elif draft.value(target) in (None, _ABSENT):
        draft.put(target, sent)
        draft.changes.say(f"renamed:{old}", place[0], target[0])
    else:
        draft.changes.say(f"dropped:{old}", place[0])  # the same thing was said twice


def _default(draft: _Draft, name: str, value: object) -> None:
    place = draft.vacant(name)
    if place is not None:
        draft.put(place, value)
        draft.changes.say(f"default:{name}", place[0])


def _clamp(draft: _Draft, name: str, bounds: object) -> None:
    place = draft.find(name)
    if place is None or not isinstance(bounds, list | tuple) or len(bounds) != 2:
        return
    sent = draft.value(place)
    if isinstance(sent, bool) or not isinstance(sent, int | float):
        return
    low, high = bounds
    fitting = sent if low is None or sent >= low else low
    fitting = fitting if high is None or fitting <= high else high
    if fitting == sent:
        return
    draft.put(place, fitting)
    span = f"at least {low}" if high is None else f"at most {high}" if low is None else f"{low} to {high}"
    reason = f"'{name}' is {sent}; this model takes {span}. Send a value in that range, {_REMEDY}: those use {fitting}."
    draft.changes.lose(f"clamped:{name}", name, reason, place[0])


def _entries(quirks: JsonObject, quirk: str) -> list[tuple[str, object]]:
    declared = quirks.get(quirk)
    if not isinstance(declared, Mapping):
        return []
    return [(str(name), value) for name, value in declared.items() if value is not None]


def _joined(provider: object, model: object) -> object:
    if not model:
        return model
    if isinstance(provider, Mapping) and isinstance(model, Mapping):
        return {name: value for name, value in {**provider, **model}.items() if value is not None}
    if isinstance(provider, list | tuple) and isinstance(model, list | tuple):
        lifted = {str(name)[1:] for name in model if str(name).startswith("!")}
        both = dict.fromkeys((*provider, *model))
        return [name for name in both if name not in lifted and not str(name).startswith("!")]
    return model

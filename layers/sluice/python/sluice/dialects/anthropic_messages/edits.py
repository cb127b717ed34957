"""Notes what a translation changed, and refuses what may not be changed."""

from __future__ import annotations

from typing import NoReturn

from sluice.errors import UnsupportedParameter


class Edits:
    """The edits of one request, in order, each once."""

    __slots__ = ("_notes", "strict")

    def __init__(self, strict: bool = False) -> None:
        self.strict = strict
        self._notes: dict[str, None] = {}

    def note(self, edit: str) -> None:
        """Report an edit that keeps the meaning, such as `renamed:stop`."""
        self._notes[edit] = None

    def drop(self, name: str) -> None:
        """Report that `name` was left out. Raises UnsupportedParameter when the route is strict."""
        self._soften(name, f"dropped:{name}")

    def change(self, edit: str) -> None:
        """Report an edit that weakens what was asked, such as `clamped:temperature`; refused when strict."""
        self._soften(edit.partition(":")[2], edit)

    def refuse(self, name: str, reason: str) -> NoReturn:
        """Refuse the request: leaving `name` out would change its meaning."""
        raise UnsupportedParameter(reason, param=name)

    def _soften(self, name: str, edit: str) -> None:
        if self.strict:
            raise UnsupportedParameter(
                f"This model's Messages API cannot take {name} as it was sent ({edit}); leave it out, or use a route "
                "that is not strict about parameters.",
                param=name,
            )
        self._notes[edit] = None

    def all(self) -> tuple[str, ...]:
        """Return the edits."""
        return tuple(self._notes)

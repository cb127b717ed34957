"""Notes what writing a request in this dialect changed, and refuses what may not be changed."""

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
        """Report an edit that keeps the meaning, such as `moved:system`."""
        self._notes[edit] = None

    def drop(self, name: str) -> None:
        """Report that `name` was left out. Raises UnsupportedParameter when the route is strict."""
        self.change(f"dropped:{name}", name)

    def change(self, edit: str, name: str) -> None:
        """Report an edit that weakens what was asked. Raises UnsupportedParameter when the route is strict."""
        if self.strict:
            raise UnsupportedParameter(
                f"Amazon Bedrock's Converse API cannot take '{name}' as it was sent ({edit}). Leave it out, or use a "
                "route that is not strict about parameters.",
                param=name,
            )
        self._notes[edit] = None

    def refuse(self, name: str, reason: str) -> NoReturn:
        """Refuse the request: leaving `name` out would change its meaning."""
        raise UnsupportedParameter(reason, param=name)

    def all(self) -> tuple[str, ...]:
        """Return the edits."""
        return tuple(self._notes)

"""Notes what writing a request in a dialect changed, and refuses what may not be changed."""

from __future__ import annotations

from typing import NoReturn

from sluice.errors import UnsupportedParameter


class Edits:
    """The edits of one request, in order, each once; `api` is the vendor's name of the format that is written."""

    __slots__ = ("_api", "_notes", "strict")

    def __init__(self, strict: bool = False, api: str = "Chat Completions") -> None:
        self.strict = strict
        self._api = api
        self._notes: dict[str, None] = {}

    def note(self, edit: str) -> None:
        """Report an edit that keeps the meaning, such as `renamed:max_tokens`."""
        self._notes[edit] = None

    def drop(self, name: str) -> None:
        """Report that `name` was left out. Raises UnsupportedParameter when the route is strict."""
        self.change(f"dropped:{name}", name)

    def change(self, edit: str, name: str = "") -> None:
        """Report an edit that weakens what was asked, such as `clamped:temperature`.

        Raises UnsupportedParameter when the route is strict; `name` is the parameter where the edit does not say it.
        """
        name = name or edit.partition(":")[2]
        if self.strict:
            raise UnsupportedParameter(
                f"This model's {self._api} API cannot take '{name}' as it was sent ({edit}). Leave it out, or use a "
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

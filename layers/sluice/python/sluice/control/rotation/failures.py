"""What goes wrong with one provider's key, in words without a word of the key."""

from __future__ import annotations


class RotationFailed(Exception):
    """One provider's key could not be changed. `final`: trying again in a moment gives the same."""

    def __init__(self, provider: str, problem: str, *, final: bool = True) -> None:
        super().__init__(f"{provider}: {problem}")
        self.provider = provider
        self.problem = problem
        self.final = final


class RotationStopped(Exception):
    """A step of a rotation did not come to its end; Secrets Manager counts the rotation as failed."""

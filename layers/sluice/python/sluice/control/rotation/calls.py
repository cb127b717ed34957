"""Calls to vendors' control planes: bounded in time, and silent about keys.

What a vendor says in an error stays unread but for its status and code, because it may quote the key.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from sluice.control.rotation.failures import RotationFailed

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 20.0
PAUSES = (1.0, 2.0, 4.0)
"""Seconds before each further try of a call that a busy vendor did not take."""
BUSY = frozenset({408, 429, 500, 502, 503, 504, 529})
_CODE = re.compile(r"[a-z][a-z0-9_]{2,40}|\d{6}")

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Vendor:
    """One vendor's control plane. Redirects are not followed: they could carry the key elsewhere."""

    provider: str
    client: httpx.Client = field(repr=False)
    sleep: Callable[[float], None] = time.sleep

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: object = None, *, taken: Collection[int] = ()
    ) -> httpx.Response:
        """Return the answer, whatever its status, once the vendor is not busy. Raises RotationFailed.

        Statuses in `taken` are an answer although they mean that it is busy.
        """
        import httpx

        problem = ""
        for pause in (*PAUSES, None):
            try:
                answer = self.client.request(method, url, headers=dict(headers), json=body, timeout=TIMEOUT_SECONDS)
            except httpx.HTTPError as error:
                problem = f"no answer to {method} ({type(error).__name__})."
            else:
                if answer.status_code in taken or answer.status_code not in BUSY:
                    return answer
                problem = f"{method} was answered with {answer.status_code}."
            if pause is not None:
                self.sleep(pause)
        raise RotationFailed(self.provider, problem, final=False)

    def read(self, answer: httpx.Response, shape: type[Model]) -> Model:
        """Return a successful answer as `shape`. Raises RotationFailed."""
        if not answer.is_success:
            raise self.refusal(answer)
        found: Model | None = None
        try:
            found = shape.model_validate_json(answer.content)
        except ValidationError:
            found = None
        if found is None:
            # Raised outside the handler: the cause would carry the vendor's answer, which may hold a key.
            raise RotationFailed(self.provider, "an answer is not what the vendor's documentation says.")
        return found

    def refusal(self, answer: httpx.Response) -> RotationFailed:
        """Return the error for an answer that is no success."""
        status, code = answer.status_code, _code_of(answer.content)
        told = f"{answer.request.method} was answered with {status}{f' ({code})' if code else ''}."
        return RotationFailed(self.provider, told, final=status not in BUSY)


def _code_of(content: bytes) -> str:
    try:
        document = json.loads(content)
    except ValueError:
        return ""
    error: Any = document.get("error", document) if isinstance(document, dict) else None
    for name in ("code", "type"):
        word = str(error.get(name) or "") if isinstance(error, dict) else ""
        if _CODE.fullmatch(word):
            return word
    return ""

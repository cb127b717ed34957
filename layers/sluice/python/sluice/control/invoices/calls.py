"""Calls to vendors' billing APIs: patient, bounded, and silent about keys.

A busy or failing vendor is asked again: after the seconds or at the moment that `Retry-After` names (RFC 9110, 10.2.3),
else after twice the last pause. A vendor that asks for more patience than a run has is left to the next run. What a
vendor says in an error stays unread but for its code, because it may quote the key.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from sluice.control.invoices.statements import VendorFailed

if TYPE_CHECKING:
    import httpx

TRIES = 6
FIRST_PAUSE = 1.0
PATIENCE_SECONDS = 120.0
"""The most that one call waits in all."""
PAGES = 500
"""More pages than any vendor's day has; the answers go round in circles."""
TIMEOUT_SECONDS = 60.0
BUSY = frozenset({408, 429, 500, 502, 503, 504, 529})
_CODE = re.compile(r"[a-z][a-z0-9_]{2,40}|\d{6}")

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Caller:
    """Calls one vendor. `headers` carry the key and show in no `repr`; `now` gives epoch seconds."""

    provider: str
    client: httpx.Client = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time

    def get(self, url: str, params: list[tuple[str, str]], shape: type[Model]) -> Model:
        """Return the answer of a GET. Raises VendorFailed."""
        return self.read(self.send("GET", url, params), shape)

    def send(self, method: str, url: str, params: list[tuple[str, str]], body: object = None) -> httpx.Response:
        """Return a successful answer (2xx), after as many tries as it takes. Raises VendorFailed."""
        import httpx

        query = httpx.QueryParams(tuple(params))
        waited, pause, problem = 0.0, FIRST_PAUSE, VendorFailed(self.provider, "unreachable", "it was never asked.")
        for _ in range(TRIES):
            try:
                answer = self.client.request(method, url, params=query, json=body, headers=dict(self.headers))
            except httpx.HTTPError as error:
                problem = VendorFailed(self.provider, "unreachable", f"no answer ({type(error).__name__}).")
                wait = pause
            else:
                if answer.is_success:
                    return answer
                problem = self._refusal(answer)
                if answer.status_code not in BUSY:
                    raise problem
                wait = self._asked_pause(answer, pause)
            if waited + wait > PATIENCE_SECONDS:
                break
            self.sleep(wait)
            waited, pause = waited + wait, pause * 2
        raise problem

    def read(self, answer: httpx.Response, shape: type[Model]) -> Model:
        """Return an answer's body as `shape`; fractions are read exactly. Raises VendorFailed."""
        try:
            document = json.loads(answer.content, parse_float=Decimal)
        except ValueError:
            document = None
        if document is None:
            raise VendorFailed(self.provider, "malformed", f"{answer.request.url.path} did not answer with JSON.")
        return shaped(self.provider, document, shape)

    def _asked_pause(self, answer: httpx.Response, otherwise: float) -> float:
        text = answer.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return float(text)
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - self.now())
        except (ValueError, TypeError, IndexError):
            return otherwise

    def _refusal(self, answer: httpx.Response) -> VendorFailed:
        status = answer.status_code
        kind = "credential" if status in (401, 403) else "busy" if status in BUSY else "refused"
        remedies = {"credential": " Check the admin key in the provider secret and what it may read."}
        code = _code_of(answer)
        told = f"{answer.request.url.path} answered {status}{f' ({code})' if code else ''}.{remedies.get(kind, '')}"
        return VendorFailed(self.provider, kind, told)


class Page(BaseModel):
    """What pages of OpenAI's and Anthropic's reports share."""

    has_more: bool = False
    next_page: str | None = None


Paged = TypeVar("Paged", bound=Page)


def pages(caller: Caller, url: str, params: list[tuple[str, str]], shape: type[Paged]) -> Iterator[Paged]:
    """Yield the pages of a report, following `next_page`. Raises VendorFailed."""
    cursor, seen = "", set[str]()
    while len(seen) < PAGES:
        page = caller.get(url, [*params, ("page", cursor)] if cursor else params, shape)
        yield page
        if not page.has_more:
            return
        cursor = page.next_page or ""
        if not cursor or cursor in seen:
            break
        seen.add(cursor)
    raise VendorFailed(caller.provider, "malformed", "its pages do not end: has_more without a new next_page.")


def shaped(provider: str, document: Any, shape: type[Model]) -> Model:
    """Return a document as `shape`. Raises VendorFailed, which names the members that do not fit and no value."""
    problem = ""
    try:
        return shape.model_validate(document)
    except ValidationError as error:
        problem = ", ".join(".".join(map(str, fault["loc"])) or "the whole" for fault in error.errors()[:3])
    # Raised outside the handler: the cause would carry the vendor's answer.
    raise VendorFailed(provider, "malformed", f"an answer does not fit what its documentation says, at {problem}.")


def _code_of(answer: httpx.Response) -> str:
    try:
        document = json.loads(answer.content)
    except ValueError:
        return ""
    error: Any = document.get("error", document) if isinstance(document, dict) else None
    told: dict[str, Any] = error if isinstance(error, dict) else {}
    for name in ("code", "type"):
        word = str(told.get(name) or "")
        if _CODE.fullmatch(word):
            return word
    return ""

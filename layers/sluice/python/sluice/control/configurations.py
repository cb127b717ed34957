"""Configuration versions as an administrator handles them: validated, published under their hash, made live by one
conditional flip, and rolled back by another."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from sluice.control.access import require
from sluice.control.audit import DIFFERENCES_LIMIT, differences
from sluice.control.budget_lint import rule_doubts
from sluice.control.budget_schema import BudgetModel, LimitModel, RuleId
from sluice.control.catalogue_schema import (
    Capability,
    Component,
    Dialect,
    Fee,
    Modality,
    Operation,
    Picture,
    PriceSchema,
    Rate,
)
from sluice.control.identity_lint import identity_doubts
from sluice.control.identity_schema import IdentityModel
from sluice.control.price_lint import price_doubts
from sluice.control.price_schema import AdjustmentModel, UnitCost, UnitName
from sluice.errors import BadRequest, NotFound
from sluice.routing.configuration import version_of
from sluice.types.audit import OPERATOR, Actor, Change
from sluice.types.routes import Configuration


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


def compilable(pattern: str) -> str:
    """Return a regular expression that can be used. Raises ValueError."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is no regular expression ({error})") from None
    return pattern


class TimeoutsModel(_Strict):
    """Seconds."""

    connect: float = Field(default=5.0, gt=0, le=60)
    first_byte: float | None = Field(default=None, gt=0, le=890)
    """None: 120, and longer at providers that start models on demand."""
    idle: float = Field(default=60.0, gt=0, le=290)
    total: float = Field(default=600.0, gt=0, le=890)
    request: float | None = Field(default=None, gt=0, le=890)
    """For all attempts together; None: 890, which is as long as an environment lives for one request."""


class RetryModel(_Strict):
    """Attempts per deployment and back-off in seconds."""

    attempts: int = Field(default=2, ge=1, le=5)
    base: float = Field(default=0.25, ge=0, le=10)
    longest: float = Field(default=8.0, ge=0, le=60)


class TargetModel(_Strict):
    """One deployment of a route."""

    model: str = Field(min_length=1, max_length=256)
    weight: int = Field(default=1, ge=0, le=1_000_000)
    region: str | None = None


class ArchiveModel(_Strict):
    """Whether requests and answers of a route are kept; `patterns` are regular expressions that are redacted too."""

    payloads: bool
    retention_days: Literal[1, 7, 30, 90, 365] = 30
    sample: float = Field(default=1.0, gt=0, le=1)
    redact: list[Literal["emails", "keys"]] = Field(default=["emails", "keys"])
    patterns: list[Annotated[str, Field(min_length=1, max_length=200), AfterValidator(compilable)]] = Field(
        default_factory=list, max_length=20
    )


class RouteModel(_Strict):
    """A route."""

    strategy: Literal["ordered", "weighted"] = "ordered"
    targets: list[TargetModel] = Field(min_length=1, max_length=20)
    timeouts: TimeoutsModel = Field(default_factory=TimeoutsModel)
    retry: RetryModel = Field(default_factory=RetryModel)
    strict_parameters: bool = False
    archive: ArchiveModel | None = None


class ProviderModel(_Strict):
    """Changes to one provider of the catalogue."""

    base_url: str | None = Field(default=None, max_length=512)
    enabled: bool | None = None
    allow_loopback: bool = False
    any_model: bool = False
    first_byte_seconds: float | None = Field(default=None, ge=0, le=600)
    headers: dict[str, str] = Field(default_factory=dict)
    place: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,64}$")
    propagate_trace: bool | None = None
    # None and not "" or False, so that a document without them keeps its version.


class ModelModel(_Strict):
    """A custom, fine-tuned or self-hosted model: all that an entry of the catalogue can say, in the same words."""

    prices: list[PriceSchema] = Field(default_factory=list)
    aliases: list[str] = Field(default_factory=list)
    context: int | None = Field(default=None, gt=0)
    max_output: int | None = Field(default=None, gt=0)
    inputs: list[Modality] = Field(default=["text"])
    outputs: list[Modality] = Field(default=["text"])
    capabilities: list[Capability] = Field(default_factory=list)
    operations: list[Operation] = Field(default=["chat"])
    dialects: list[Dialect] = Field(default_factory=list)
    deprecated: str | None = None
    unpriced: str = ""
    quirks: dict[str, object] = Field(default_factory=dict)


class FenceModel(_Strict):
    """Where the requests of teams may go."""

    teams: list[Annotated[str, Field(min_length=1, max_length=64)]] = Field(min_length=1, max_length=1000)
    places: list[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}\*?$")]] = Field(min_length=1, max_length=100)
    regions: list[Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]] = Field(
        default_factory=list, max_length=40
    )
    at_rest: bool = True


class ConfigurationModel(_Strict):
    """A whole configuration document."""

    routes: dict[str, RouteModel] = Field(default_factory=dict)
    providers: dict[str, ProviderModel] = Field(default_factory=dict)
    models: dict[str, ModelModel] = Field(default_factory=dict)
    unpriced_ceiling: dict[Component | Picture | Fee, Rate] = Field(default_factory=dict)
    stored_responses: bool | None = None
    # None and not empty, so that a document without them keeps its version.
    budgets: dict[RuleId, BudgetModel] | None = Field(default=None, max_length=1000)
    limits: dict[RuleId, LimitModel] | None = Field(default=None, max_length=1000)
    identity: IdentityModel | None = None
    adjustments: dict[RuleId, AdjustmentModel] | None = Field(default=None, max_length=1000)
    units: dict[UnitName, UnitCost] | None = Field(default=None, max_length=100)
    residency: dict[RuleId, FenceModel] | None = Field(default=None, max_length=100)


@dataclass(frozen=True)
class Live:
    """The pointer: which version is live, which was before, and how often it was moved."""

    version: str | None
    previous: str | None
    revision: int


class ConfigurationAdministration(Protocol):
    """The write side of the configuration store."""

    def publish(self, document: Mapping[str, object], change: Change | None = None) -> str:
        """Store a document under its hash and return that; a `change` is recorded with it."""

    def document(self, version: str) -> Mapping[str, object]:
        """Return a stored document. Raises KeyError."""

    def live(self) -> Live:
        """Return the pointer."""

    def promote(self, version: str, expected_revision: int, change: Change | None = None) -> Live:
        """Move the pointer if nobody moved it since, and record the `change` with it. Raises Conflict."""


class Conflict(BadRequest):
    """Somebody else moved the pointer in between."""

    status = 409
    code = "configuration_conflict"


class Configurations:
    """The use cases. `check` parses a document as the request path will and returns its complaints."""

    def __init__(
        self,
        store: ConfigurationAdministration,
        parse: Callable[[Mapping[str, object], str], Configuration],
        complaints: Callable[[Configuration], list[str]],
    ) -> None:
        self._store = store
        self._parse = parse
        self._complaints = complaints

    def lint(self, document: Mapping[str, object]) -> dict[str, object]:
        """Return the document in full form. Raises BadRequest naming every fault."""
        try:
            model = ConfigurationModel.model_validate(document)
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'document'}: {e['msg']}" for e in error.errors()[:10])
            raise BadRequest(f"The configuration is not valid: {faults}.", code="invalid_configuration") from None
        full: dict[str, object] = model.model_dump(mode="json", exclude_none=True)
        faults_found = self._complaints(self._parse(full, "unpublished"))
        if faults_found:
            raise BadRequest(
                f"The configuration is not valid: {'; '.join(faults_found[:10])}.", code="invalid_configuration"
            )
        return full

    def publish(self, document: Mapping[str, object], by: Actor = OPERATOR) -> str:
        """Validate and store a document; it is not live yet. Returns its version."""
        full = self.lint(document)
        version = version_of(full)
        change = Change("configuration.publish", f"configuration/{version}", by, after={"version": version})
        return self._store.publish(full, change)

    def stored(self, document: Mapping[str, object]) -> str:
        """Validate and store a document with no record of its own: what makes it live has one. Returns its version."""
        return self._store.publish(self.lint(document))

    def doubts(self, version: str) -> list[str]:
        """Return what is allowed in a stored version and probably not meant. Raises NotFound."""
        configuration = self._parse(self.document(version), version)
        return [*rule_doubts(configuration), *price_doubts(configuration), *identity_doubts(configuration)]

    def promote(
        self,
        version: str,
        expected_revision: int | None = None,
        by: Actor = OPERATOR,
        change: Change | None = None,
    ) -> Live:
        """Make a stored version live; `change` tells what for, where it is a part of something else.

        Raises NotFound, Conflict, and PermissionDenied for who may not change `identity` with it.
        """
        live, document = self._store.live(), self.document(version)
        if change is None:
            change = self._move("configuration.promote", live, version, document, by)
        return self._store.promote(version, live.revision if expected_revision is None else expected_revision, change)

    def rollback(self, by: Actor = OPERATOR) -> Live:
        """Make the version before the live one live again. Raises NotFound when there is none, PermissionDenied."""
        live = self._store.live()
        if live.previous is None:
            raise NotFound("There is no earlier configuration version to go back to.", code="no_previous_version")
        change = self._move("configuration.rollback", live, live.previous, self.document(live.previous), by)
        return self._store.promote(live.previous, live.revision, change)

    def _move(self, action: str, live: Live, version: str, document: Mapping[str, object], by: Actor) -> Change:
        """Return the change of going live, with what differs between the two documents."""
        old = {} if live.version is None else self.document(live.version)
        if old.get("identity") != document.get("identity"):
            # Who may name the administrators is one.
            require(by, "admin", "changing the configuration's identity")
        found = list(differences(old, document))
        before = None if live.version is None else {"version": live.version, "revision": live.revision}
        after: dict[str, object] = {"version": version, "changes": found[:DIFFERENCES_LIMIT]}
        if len(found) > DIFFERENCES_LIMIT:
            after["more_changes"] = len(found) - DIFFERENCES_LIMIT
        return Change(action, "configuration/live", by, before=before, after=after)

    def live(self) -> Live:
        """Return the pointer."""
        return self._store.live()

    def parsed_live(self) -> Configuration:
        """Return the live configuration as the request path reads it; an empty one before the first went live."""
        version = self._store.live().version
        return Configuration("") if version is None else self._parse(self.document(version), version)

    def document(self, version: str) -> Mapping[str, object]:
        """Return a stored document. Raises NotFound."""
        try:
            return self._store.document(version)
        except KeyError:
            raise NotFound(f"There is no configuration version {version[:80]!r}.", code="version_not_found") from None

    def diff(self, old: str, new: str) -> list[str]:
        """Return a unified diff of two stored versions, line by line."""
        texts = [json.dumps(self.document(v), indent=2, sort_keys=True).splitlines() for v in (old, new)]
        return list(difflib.unified_diff(texts[0], texts[1], old[:12], new[:12], lineterm=""))

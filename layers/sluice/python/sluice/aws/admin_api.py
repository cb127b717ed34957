"""The control plane's HTTP API: keys, configuration versions, budgets and limits, for those who were given scopes.

Who asks is a virtual key or an AWS principal that signed; `sluice.aws.admin_access` says what each endpoint needs, and
every change leaves a record in the audit log.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from sluice.aws.admin_access import ACTOR, actor_from, actor_of, permit
from sluice.aws.admin_audit import AuditLog, audit_routes
from sluice.aws.admin_budgets import budget_routes, status_route
from sluice.aws.admin_invoices import InvoiceShelf, invoice_routes
from sluice.aws.admin_ledger import ledger_routes
from sluice.aws.admin_usage import usage_routes
from sluice.aws.admin_users import user_routes
from sluice.aws.apigateway import principal_of
from sluice.aws.stores.ledger import DynamoLedgerStore
from sluice.aws.stores.responses import DynamoResponseStore
from sluice.aws.stores.usage import DynamoUsageStore
from sluice.control.budget_status import Counters
from sluice.control.configurations import ConfigurationModel, Configurations
from sluice.control.keys import Keys, NewKey, NewSecret, key_card
from sluice.dialects.openai_chat import encode_error
from sluice.endpoints import SIGNED_PREFIX
from sluice.errors import BadRequest, GatewayError, NotFound
from sluice.governance.authentication import Authenticator
from sluice.ports import UsageReader

JSON = "application/json"


@dataclass(frozen=True)
class ControlPlane:
    """What the API offers."""

    authenticator: Authenticator
    keys: Keys
    configurations: Configurations
    now_ms: Callable[[], int]
    invoices: InvoiceShelf | None = None
    """None: nothing is compared here."""
    ledger: DynamoLedgerStore | None = None
    """None: the ledger can be neither exported nor costed again."""
    account: str = ""
    """What exports name as the billing account."""
    usage: UsageReader | None = None
    """None: no usage is kept."""
    counters: Counters | None = None
    """None: there is nothing to read how budgets stand from."""
    audit: AuditLog | None = None
    """None: nothing is recorded."""
    regions: tuple[str, ...] = ()
    """The regions whose records are read."""
    cells: DynamoUsageStore | None = None
    """The cells of usage themselves; None: nothing of end users can be found or erased."""
    responses: DynamoResponseStore | None = None
    region: str = ""
    ledger_days: int = 90
    """How long entries are kept."""


class AdminApi:
    """The application: `resolve(event, context)` answers one proxy event."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._app = APIGatewayRestResolver(enable_validation=True)
        _errors(self._app)
        _key_routes(self._app, plane)
        _configuration_routes(self._app, plane)
        if plane.invoices is not None:
            invoice_routes(self._app, plane.invoices, plane.now_ms)
        if plane.usage is not None:
            usage_routes(self._app, plane.usage, plane.now_ms)
        if plane.ledger is not None:
            teams, live = plane.keys.teams, plane.configurations.parsed_live
            ledger_routes(self._app, plane.ledger, teams, plane.account, live=live, audit=plane.audit)
        if plane.ledger is not None and plane.cells is not None and plane.responses is not None:
            user_routes(
                self._app,
                plane.ledger,
                plane.cells,
                plane.responses,
                region=plane.region,
                regions=plane.regions,
                ledger_days=plane.ledger_days,
                account=plane.account,
                now_ms=plane.now_ms,
                audit=plane.audit,
            )
        if plane.audit is not None:
            audit_routes(self._app, plane.audit, plane.regions, plane.now_ms)
        budget_routes(self._app, plane.configurations)
        if plane.counters is not None:
            status_route(self._app, plane.configurations, plane.counters, plane.now_ms)

    def resolve(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Return the proxy answer. Who asks is checked first: a stranger learns nothing from validation errors."""
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        principal = principal_of(event)
        if principal:
            event = {**event, "path": str(event["path"]).removeprefix(SIGNED_PREFIX)}
        try:
            caller = self._plane.authenticator.authenticate(headers, None, principal=principal)
            actor = actor_from(caller, principal, event)
            permit(actor, str(event["httpMethod"]), str(event["path"]))
        except GatewayError as error:
            request_id = str((event.get("requestContext") or {}).get("requestId", ""))
            body = json.dumps(encode_error(error, request_id))
            return {
                "statusCode": error.http_status,
                "headers": {"Content-Type": JSON},
                "body": body,
                "isBase64Encoded": False,
            }
        self._app.append_context(**{ACTOR: actor})  # type: ignore[no-untyped-call]
        answer: dict[str, Any] = self._app.resolve(event, context)
        return answer


def _errors(app: APIGatewayRestResolver) -> None:
    @app.exception_handler(GatewayError)  # type: ignore[untyped-decorator]
    def refused(error: GatewayError) -> Response[Any]:
        return _error(app, error)

    @app.exception_handler(RequestValidationError)  # type: ignore[untyped-decorator]
    def invalid(error: RequestValidationError) -> Response[Any]:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'][1:])) or 'body'}: {e['msg']}" for e in error.errors()[:10])
        return _error(app, BadRequest(f"The request is not valid: {faults}."))

    @app.exception_handler(NotFoundError)  # type: ignore[untyped-decorator]
    def unknown(_: NotFoundError) -> Response[Any]:
        return _error(app, NotFound(f"There is no {app.current_event.http_method} {app.current_event.path}."))


def _error(app: APIGatewayRestResolver, error: GatewayError) -> Response[Any]:
    context = app.current_event.request_context
    return Response(error.http_status, JSON, encode_error(error, str(context.request_id or "")))


def _key_routes(app: APIGatewayRestResolver, plane: ControlPlane) -> None:
    @app.post("/admin/keys")
    def create(wanted: Annotated[NewKey, Body()]) -> Response[Any]:
        created = plane.keys.create(wanted, actor_of(app))
        return Response(201, JSON, {**key_card(created.key, plane.now_ms()), "key": created.text})

    @app.get("/admin/keys")
    def listing(team: Annotated[str | None, Query()] = None) -> dict[str, Any]:
        now = plane.now_ms()
        return {"object": "list", "data": [key_card(key, now) for key in plane.keys.list_keys(team, actor_of(app))]}

    @app.delete("/admin/keys/<key_id>")
    def revoke(key_id: str) -> dict[str, Any]:
        return key_card(plane.keys.revoke(key_id, actor_of(app)), plane.now_ms())

    @app.post("/admin/keys/<key_id>/rotate")
    def rotate(key_id: str, wanted: Annotated[NewSecret, Body()]) -> dict[str, Any]:
        made = plane.keys.rotate(key_id, wanted, actor_of(app))
        return {**key_card(made.key, plane.now_ms()), "key": made.text}


def _configuration_routes(app: APIGatewayRestResolver, plane: ControlPlane) -> None:
    configurations = plane.configurations

    @app.get("/admin/configuration")
    def live() -> dict[str, Any]:
        pointer = configurations.live()
        document: Mapping[str, object] = configurations.document(pointer.version) if pointer.version else {}
        return {**asdict(pointer), "document": document}

    @app.post("/admin/configuration/versions")
    def publish(document: Annotated[ConfigurationModel, Body()]) -> Response[Any]:
        version = configurations.publish(document.model_dump(mode="json", exclude_none=True), actor_of(app))
        return Response(201, JSON, {"version": version, "warnings": configurations.doubts(version)})

    @app.get("/admin/configuration/versions/<version>")
    def show(version: str) -> dict[str, Any]:
        return {"version": version, "document": configurations.document(version)}

    @app.post("/admin/configuration/versions/<version>/promote")
    def promote(version: str) -> dict[str, Any]:
        return asdict(configurations.promote(version, by=actor_of(app)))

    @app.post("/admin/configuration/rollback")
    def rollback() -> dict[str, Any]:
        return asdict(configurations.rollback(actor_of(app)))

    @app.get("/admin/configuration/diff")
    def diff(old: Annotated[str, Query()], new: Annotated[str, Query()]) -> dict[str, Any]:
        return {"diff": configurations.diff(old, new)}

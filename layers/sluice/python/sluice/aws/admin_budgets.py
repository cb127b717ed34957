"""The admin API's part for budgets and limits: read and edited one by one, and how they stand now."""

from __future__ import annotations

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from sluice.aws.admin_access import actor_of
from sluice.control.budget_edits import Edited, RuleEdits, rule_card
from sluice.control.budget_schema import BudgetModel, LimitModel
from sluice.control.budget_status import SHOWN, Counters, status, status_card
from sluice.control.configurations import Configurations
from sluice.errors import NotFound

Expected = Annotated[str | None, Query()]


def budget_routes(app: APIGatewayRestResolver, configurations: Configurations) -> None:
    """Add the endpoints under /admin/budgets and /admin/limits, but for the status."""
    budgets, limits = RuleEdits(configurations, "budgets"), RuleEdits(configurations, "limits")
    _reading(app, "budgets", budgets)
    _reading(app, "limits", limits)

    @app.put("/admin/budgets/<rule_id>")
    def put_budget(rule_id: str, wanted: Annotated[BudgetModel, Body()], version: Expected = None) -> dict[str, Any]:
        rule = wanted.model_dump(mode="json", exclude_none=True)
        return _edited(rule_id, budgets.put(rule_id, rule, version, actor_of(app)))

    @app.put("/admin/limits/<rule_id>")
    def put_limit(rule_id: str, wanted: Annotated[LimitModel, Body()], version: Expected = None) -> dict[str, Any]:
        rule = wanted.model_dump(mode="json", exclude_none=True)
        return _edited(rule_id, limits.put(rule_id, rule, version, actor_of(app)))


def _reading(app: APIGatewayRestResolver, member: str, edits: RuleEdits) -> None:
    @app.get(f"/admin/{member}")
    def listing() -> dict[str, Any]:
        found = edits.listing(actor_of(app))
        cards = [rule_card(rule_id, rule) for rule_id, rule in sorted(found.rules.items())]
        return {"object": "list", "version": found.live.version, "data": cards}

    @app.get(f"/admin/{member}/<rule_id>")
    def show(rule_id: str) -> dict[str, Any]:
        return rule_card(rule_id, edits.get(rule_id, actor_of(app)))

    @app.delete(f"/admin/{member}/<rule_id>")
    def delete(rule_id: str, version: Expected = None) -> dict[str, Any]:
        return {"id": rule_id, "deleted": True, "version": edits.delete(rule_id, version, actor_of(app)).version}


def status_route(app: APIGatewayRestResolver, configurations: Configurations, counters: Counters, now_ms: Any) -> None:
    """Add GET /admin/budgets/{id}/status."""

    @app.get("/admin/budgets/<rule_id>/status")
    def show(rule_id: str) -> dict[str, Any]:
        configuration, actor = configurations.parsed_live(), actor_of(app)
        budget = configuration.budgets.get(rule_id)
        theirs = budget is not None and (budget.scope.kind, budget.scope.value) == ("team", actor.team)
        if budget is None or (actor.team_bound and not theirs):
            raise NotFound(
                f"There is no budget {rule_id[:64]!r}. 'sluice budgets list' shows the ids.", code="budget_not_found"
            )
        found = status(
            budget,
            configuration,
            counters,
            now=now_ms() // 1000,
        )
        cards = [status_card(each) for each in found[:SHOWN]]
        return {"object": "list", "id": rule_id, "counters": len(found), "data": cards}


def _edited(rule_id: str, edited: Edited) -> dict[str, Any]:
    return {**rule_card(rule_id, edited.rule or {}), "version": edited.version, "warnings": edited.doubts}

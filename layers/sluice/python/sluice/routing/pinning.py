"""Plans for a request whose state one provider keeps."""

from __future__ import annotations

from dataclasses import replace

from sluice.errors import BadRequest, NoHealthyUpstream
from sluice.types.routes import Plan, Rejection
from sluice.types.stored import StoredResponse


def pinned(plan: Plan, kept: StoredResponse, dialect: str) -> Plan:
    """Return the plan with the deployments of the provider that keeps a response, in its region.

    Raises:
        NoHealthyUpstream: the provider is in the plan and cannot be asked now.
        BadRequest: it does not offer the model.
    """

    def holds(name: str) -> bool:
        return name.partition("/")[0] == kept.provider

    choices = tuple(
        choice
        for choice in plan.choices
        if holds(choice.deployment.name)
        and choice.deployment.endpoint.dialect == dialect
        and (choice.deployment.region or "") == kept.region
    )
    if not choices:
        out = next((each.reason for each in plan.rejected if holds(each.name)), "")
        if out:
            raise NoHealthyUpstream(
                f"Response {kept.id!r} is kept by {kept.provider}, which cannot be asked now ({out}). Try again later, "
                "or send the whole conversation as input.",
            )
        raise BadRequest(
            f"Response {kept.id!r} is kept by {kept.provider}, which is not where {plan.requested[:128]!r} is asked. "
            f"Name a model of {kept.provider}, such as {kept.deployment!r}, or send the whole conversation as input.",
            param="previous_response_id",
            code="previous_response_elsewhere",
        )
    others = tuple(
        Rejection(choice.deployment.name, f"{kept.provider} keeps the response that this one follows")
        for choice in plan.choices
        if choice not in choices
    )
    return replace(plan, choices=choices, rejected=(*plan.rejected, *others))

"""Calls in the shape of Amazon Bedrock Runtime: the model and whether to stream stand in the path.

Rules: AWS SDKs escape the model in the path, so it is unescaped here. An ARN of a model or of a profile that AWS
defines stands for the id at its end; any other ARN (application profiles, provisioned and imported models) names a
deployment of the company's own, which only Amazon Bedrock has.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sluice.endpoints import Match
from sluice.errors import BadRequest, NotFound
from sluice.types.http import Request

PROVIDER = "bedrock"
"""The catalogue's name of the provider whose ARNs these are."""


@dataclass(frozen=True, slots=True)
class Action:
    """What the last segment of a path does: the operation, the dialect of its bodies, whether it streams."""

    operation: str
    dialect: str
    stream: bool = False


BEDROCK_ACTIONS = {
    "converse": Action("chat", "bedrock_converse"),
    "converse-stream": Action("chat", "bedrock_converse", stream=True),
    "invoke": Action("invoke", "bedrock_invoke"),
    "invoke-with-response-stream": Action("invoke", "bedrock_invoke", stream=True),
    "count-tokens": Action("count_tokens", "bedrock_count_tokens"),
}
"""The actions by name (AWS API reference, "Amazon Bedrock Runtime", 2026-11)."""

_DEFINED = ("foundation-model", "inference-profile")
_HEX = frozenset("0123456789abcdefABCDEF")


def bedrock_call(request: Request, match: Match) -> tuple[Request, Action]:
    """Return a `/model/{modelId}/{action}` request, its model and stream flag as members, and its action.

    Raises NotFound for another action, BadRequest for a model that is not UTF-8.
    """
    model, _, name = match.param("call").rpartition("/")
    action = BEDROCK_ACTIONS.get(name)
    if action is None or not model:
        raise NotFound(
            f"There is no action {name[:64]!r}; models take {', '.join(BEDROCK_ACTIONS)}.", code="unknown_endpoint"
        )
    return replace(request, members={"model": named(unescaped(model)), "stream": action.stream}), action


def named(model: str) -> str:
    """Return the model that a modelId names."""
    if not model.startswith("arn:"):
        return model
    resource = ":".join(model.split(":")[5:])  # ids hold colons of their own
    kind, _, identity = resource.partition("/")
    return identity if kind in _DEFINED and identity else f"{PROVIDER}/{model}"


def unescaped(text: str) -> str:
    """Return a path segment with its percent escapes undone. Raises BadRequest."""
    if "%" not in text:
        return text
    raw, octets, position = text.encode("utf-8", "surrogatepass"), bytearray(), 0
    while position < len(raw):
        code = raw[position + 1 : position + 3].decode("latin-1")
        if raw[position] == 0x25 and len(code) == 2 and _HEX.issuperset(code):
            octets.append(int(code, 16))
            position += 3
        else:
            octets.append(raw[position])
            position += 1
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise BadRequest("The model in the path is not UTF-8.", param="modelId") from None

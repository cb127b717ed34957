"""The smallest handler there is: the cold start of interpreter and runtime alone."""


def handler(event: object, context: object) -> dict[str, object]:  # noqa: ARG001
    """Answer with nothing."""
    return {"statusCode": 200, "body": "{}"}

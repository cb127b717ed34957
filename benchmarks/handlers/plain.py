"""The smallest handler there is: the cold start of interpreter and runtime alone."""


def handler(event, context):  # noqa: ARG001
    """Answer with nothing."""
    return {"statusCode": 200, "body": "{}"}

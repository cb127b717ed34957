"""Says which modules its environment has imported; imports nothing but sys itself."""

import sys


class Streamed:
    prelude = {"statusCode": 200}
    body = (b"x",)
    after = None


def handler(event, context):
    return Streamed() if "stream" in event else sorted(sys.modules)

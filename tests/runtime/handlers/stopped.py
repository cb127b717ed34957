"""A function that waits on a named pipe, or takes SIGTERM for itself."""

import os
import signal
import sys


class Streamed:
    prelude = {"statusCode": 200}

    def __init__(self, path):
        self.body = self.wait(path)

    def wait(self, path):
        yield b"first"
        with open(path, "rb") as pipe:
            yield pipe.read()

    def after(self):
        sys.stdout.write("after\n")


def handler(event, context):
    return Streamed(event["pipe"])


if "TAKE_SIGTERM" in os.environ:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))

"""The bound of each recorded request's input tokens against what its vendor counted: a table, and one summary."""

from __future__ import annotations

import sys

from tests.wire.bounds.check import main

if __name__ == "__main__":
    sys.exit(main())

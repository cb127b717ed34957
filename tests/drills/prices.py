"""The cost of each recorded answer against genai-prices' own calculation: a table, and one summary."""

from __future__ import annotations

import sys

from tests.wire.prices.check import main

if __name__ == "__main__":
    sys.exit(main())

"""Starts the loop, as `python -m streaming_runtime` or as the file that `streaming-wrapper` runs."""

import sys

if __name__ == "__main__":
    if not __package__:
        # Run by path: this folder leads sys.path, where its modules would shadow the function's own.
        folder = __file__.rpartition("/")[0]
        sys.path[:] = [folder.rpartition("/")[0], *(entry for entry in sys.path if entry != folder)]
    from streaming_runtime.startup import main

    sys.exit(main())

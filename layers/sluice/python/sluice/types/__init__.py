"""The vocabulary: frozen dataclasses that every room shares; no I/O."""

"""Sluice, the LLM gateway that a company owns."""

__version__ = "0.1.0"

"""The name of this dialect."""

NAME = "openai_completions"

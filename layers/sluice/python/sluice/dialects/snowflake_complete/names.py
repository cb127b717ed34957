"""The name of this dialect."""

NAME = "snowflake_complete"

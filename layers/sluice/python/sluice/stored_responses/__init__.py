"""Stored state of the Responses API: who keeps an answer, and what a caller may do with it later.

An answer is kept by the provider that gave it where that one speaks this dialect and keeps answers; the gateway then
keeps a record of where it is. Every other answer is kept by the gateway itself. Both are found by their own team alone.
The decisions and their reasons: docs/adr/0005-stored-responses.md.
"""

"""Callers without a virtual key: OIDC tokens and AWS principals. Loaded when a configuration names some."""

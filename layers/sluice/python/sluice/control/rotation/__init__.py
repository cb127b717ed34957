"""How provider keys change: strategies by provider, and the four steps of a rotation (docs/rotation.md)."""

"""Which names of a model mean the same, although ledger and vendor spell them differently.

Names are brought to a key, and everything under one key is one row of the comparison: `gpt-5` and the dated
`gpt-5-2025-08-07` that it stood for meet there, whichever side said which. The price of it: two dated versions of one
model are compared as one. What the rules cannot know is settled by the option `names`.
"""

from __future__ import annotations

import re

_DATED = re.compile(r"[-@](?:20\d{2}-\d{2}-\d{2}|20\d{6}|latest)$")
_EDITION = re.compile(r"\s*\(amazon bedrock edition\)\s*$", re.IGNORECASE)
_ARN = re.compile(r"^arn:[^/]*/")
_PROFILE_AND_MAKER = re.compile(r"^(?:(?:us-gov|us|eu|apac|jp|au|ca|global)\.)?[a-z0-9]+\.(?=[a-z])")
_REVISION = re.compile(r"-v\d+(?::\d+)?(?::\w+)?$")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_SILENT = frozenset({"amazon", "instruct", "v", "0"})

Key = tuple[str, ...]


def plain(name: str) -> Key:
    """Return the key of a model's id: lower case, without the date or `-latest` at its end."""
    return (_DATED.sub("", name.strip().lower()),)


def bedrock(name: str) -> Key:
    """Return the key of a model as Bedrock's ids, usage types and product names spell it: its words in any order.

    `us.anthropic.claude-sonnet-4-5-20250929-v1:0`, `Claude4.5Sonnet` and `Claude Sonnet 4.5 (Amazon Bedrock Edition)`
    have the same one.
    """
    bare = _EDITION.sub("", _ARN.sub("", name.strip()))
    bare = _DATED.sub("", _REVISION.sub("", _PROFILE_AND_MAKER.sub("", bare)))
    words = (word.lower() for word in _WORD.findall(bare))
    return tuple(sorted(word for word in words if word not in _SILENT)) or (bare.lower(),)

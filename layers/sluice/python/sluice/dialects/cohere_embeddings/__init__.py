"""Cohere v2 embeddings (`/v2/embed`), both halves of the dialect; answers of `/v1/embed` are read as well.

What a pass-through needs is imported here; the translating modules are imported by the first call that translates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.cohere_embeddings.passing import NAME as NAME
from sluice.dialects.cohere_embeddings.passing import outline as outline
from sluice.dialects.cohere_embeddings.passing import pass_edits as pass_edits
from sluice.dialects.cohere_embeddings.passing import read_usage as read_usage
from sluice.dialects.lazy import EMBEDDING, STREAMLESS, borrowed, lazily

if TYPE_CHECKING:
    from sluice.dialects.cohere_embeddings.request import decode_request as decode_request
    from sluice.dialects.cohere_embeddings.request import encode_request as encode_request
    from sluice.dialects.cohere_embeddings.response import decode_response as decode_response
    from sluice.dialects.cohere_embeddings.response import encode_response as encode_response
else:
    __getattr__ = lazily(__name__, {**borrowed("unstreamed", *STREAMLESS), **EMBEDDING})

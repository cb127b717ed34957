"""OpenAI embeddings, both halves of the dialect, as many hosts speak it with members of their own.

In pass-through, vectors are never decoded: they leave as the provider sent them, except for a caller who asked for
base64 and a host that answers with numbers all the same. The translating modules, which need the canonical
types, are imported by the first call that translates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.lazy import STREAMLESS, borrowed, lazily
from sluice.dialects.openai_embeddings.counts import read_usage as read_usage
from sluice.dialects.openai_embeddings.passing import NAME as NAME
from sluice.dialects.openai_embeddings.passing import finished_body as finished_body
from sluice.dialects.openai_embeddings.passing import outline as outline
from sluice.dialects.openai_embeddings.passing import pass_edits as pass_edits

if TYPE_CHECKING:
    from sluice.dialects.openai_embeddings.request_in import decode_request as decode_request
    from sluice.dialects.openai_embeddings.request_out import encode_request as encode_request
    from sluice.dialects.openai_embeddings.response import decode_response as decode_response
    from sluice.dialects.openai_embeddings.response import encode_response as encode_response
else:
    __getattr__ = lazily(
        __name__,
        {
            **borrowed("unstreamed", *STREAMLESS),
            "decode_request": "request_in",
            "encode_request": "request_out",
            "decode_response": "response",
            "encode_response": "response",
        },
    )

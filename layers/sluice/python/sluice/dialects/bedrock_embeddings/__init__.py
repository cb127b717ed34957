"""Embeddings of Amazon Bedrock through InvokeModel, both halves: Titan's bodies and Cohere's.

The quirk `embedding_body` says which a model takes. What a pass-through needs is imported here; the translating modules
are imported by the first call that translates. Sources: AWS docs, "Amazon Titan Embeddings Text", "Cohere Embed",
2026-11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.bedrock_embeddings.passing import NAME as NAME
from sluice.dialects.bedrock_embeddings.passing import outline as outline
from sluice.dialects.lazy import EMBEDDING, STREAMLESS, borrowed, lazily

if TYPE_CHECKING:
    from sluice.dialects.bedrock_embeddings.request import decode_request as decode_request
    from sluice.dialects.bedrock_embeddings.request import encode_request as encode_request
    from sluice.dialects.bedrock_embeddings.response import decode_response as decode_response
    from sluice.dialects.bedrock_embeddings.response import encode_response as encode_response
else:
    __getattr__ = lazily(
        __name__,
        {
            **borrowed(
                "bedrock_invoke", *STREAMLESS, "pass_edits", "answer_usage", "body_error", "error_headers", "read_usage"
            ),
            **EMBEDDING,
        },
    )

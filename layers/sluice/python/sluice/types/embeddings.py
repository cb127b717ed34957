"""The canonical embeddings: what every embeddings dialect decodes into and encodes from.

As in `types/chat`, it is built only when the caller's dialect and the provider's differ; what only one dialect can say
travels in `extras` and is written back by that dialect alone. Vectors are kept as they came (numbers, or the base64
of little-endian 32-bit floats), so nothing is rounded twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sluice.types.chat import Audio, Document, Image, Json, Opaque, Text
from sluice.types.usage import Usage

Task = Literal[
    "query",
    "document",
    "classification",
    "clustering",
    "similarity",
    "question_answering",
    "fact_verification",
    "code_query",
    "image",
]
"""What the vectors are for; a dialect has its own words (`search_query`, `RETRIEVAL_DOCUMENT`, ...)."""

Tokens = tuple[int, ...]
"""Token ids, which only models of the vendor's own tokenizer take."""

InputPart = Text | Image | Audio | Document | Opaque
Input = str | Tokens | tuple[InputPart, ...]
"""One thing to embed: a text, token ids, or the parts of one multimodal input. An empty tuple is parts."""

Vector = tuple[float, ...] | str
"""The numbers of one vector, or its base64 (little-endian float32) as it came."""


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """One embeddings request.

    `encoding` is how the caller wants floating-point vectors written. `dtypes` are the number formats asked for where
    they are not plain floats ("int8", "uint8", "binary", "ubinary"). `truncate` says which end of an input that is too
    long is cut off ("none": it is an error). `task` None means that the caller named none; `title` is a document's.
    """

    model: str
    inputs: tuple[Input, ...]
    dimensions: int | None = None
    encoding: Literal["float", "base64"] = "float"
    dtypes: tuple[str, ...] = ()
    task: Task | None = None
    truncate: Literal["none", "start", "end"] | None = None
    title: str | None = None
    user: str | None = None
    single: bool = False
    """True when the caller sent one input outside a list, and its dialect answers in another shape then."""
    dialect: str = ""
    extras: Mapping[str, Json] = field(default_factory=dict)
    bound: Mapping[str, str] = field(default_factory=dict)
    """Parameters that only the vendor of `dialect` can serve, each with what to do instead."""


@dataclass(frozen=True, slots=True)
class EmbeddingResponse:
    """One answer: the vectors in the order of the inputs. `typed` holds them in further number formats by name.

    `usage` is None when the provider reported nothing. `created` is epoch seconds, 0 where it is not said.
    """

    id: str
    model: str
    vectors: tuple[Vector, ...] = ()
    typed: Mapping[str, tuple[Vector, ...]] = field(default_factory=dict)
    usage: Usage | None = None
    created: int = 0
    dialect: str = ""
    extras: Mapping[str, Json] = field(default_factory=dict)

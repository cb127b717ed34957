"""Citations of an answer, for callers of dialects that know web pages only.

The vendor's own list is kept beside the answer; what it says of pages with an address goes with the text it is about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from sluice.types.chat import Json, Part, Text


def with_pages(parts: tuple[Part, ...], citations: Json) -> tuple[Part, ...]:
    """Return the parts, each text with the pages it cites as `{"url", "title"}`, every page once."""
    found = citations if isinstance(citations, list) else []
    pages = [
        (str(cited.get("text") or ""), page) for cited in found if isinstance(cited, Mapping) for page in _pages(cited)
    ]
    return tuple(_cited(part, pages) if isinstance(part, Text) and pages else part for part in parts)


def _cited(part: Text, pages: list[tuple[str, dict[str, Json]]]) -> Text:
    mine: list[Json] = []
    for text, page in pages:
        if text in part.text and page not in mine:
            mine.append(page)
    return replace(part, citations=tuple(mine))


def _pages(cited: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    """Yield the pages among the sources of one citation: documents, or what tools gave out, that have a `url`."""
    sources = cited.get("sources")
    for source in sources if isinstance(sources, list) else ():
        for name in ("document", "tool_output"):
            held = source.get(name) if isinstance(source, Mapping) else None
            url = held.get("url") if isinstance(held, Mapping) else None
            if isinstance(held, Mapping) and isinstance(url, str) and url:
                title = held.get("title")
                yield {"url": url, "title": title if isinstance(title, str) else ""}

"""What model families add to a prompt by themselves, and what they make of a picture, a page or a second.

Rules. A family is known by its name, wherever it is hosted, because its chat template goes with it; the first line that
matches holds. What no line matches is of the last one, which is dearer than open models are. Hidden prompts that a
host adds are no family's: they are the quirk `hidden_prompt` of that host. Figures are upper ones, with room for the
next version: vendors' pages where they state any, else what their open templates add (2026-11).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sluice.metering.picture_sizes import Size

Picture = Callable[[Size | None, bool], int]
"""From a size in pixels (None: unknown) and whether low detail was asked for to tokens."""


@dataclass(frozen=True, slots=True)
class Family:
    """`base` is added to each prompt, `message` to each turn, `tools` where any is offered, `tool` for each of them.

    `schema` is added where an answer in JSON is asked for, `citations` where answers are to cite documents, `page` for
    each page of a document beside its picture, `second` for each second of sound, `frame` for each second of video.
    """

    names: tuple[str, ...]
    picture: Picture
    base: int = 24
    message: int = 6
    tools: int = 160
    tool: int = 24
    schema: int = 64
    citations: int = 0
    page: int = 3_000
    second: int = 34
    frame: int = 400
    typed_tool: int = 2_048
    """What a tool of the vendor's own making adds: its definition is not in the request."""
    thinks_beyond: bool = False
    """Whether thinking is not held by the caller's bound on output."""


def patches(side: int, cap: int, per_hundred: int = 100, unseen: int = 0) -> Picture:
    """Return the rule of families that cut pictures into squares of `side` pixels, at most `cap` of them.

    A square makes `per_hundred` / 100 tokens; `unseen` is the bound for pictures of unknown size (0: the cap's).
    """

    def tokens(size: Size | None, _low: bool) -> int:
        if size is None:
            return unseen or -(-cap * per_hundred // 100)
        # Scaling keeps the ratio of the sides, and may leave a row more than the cap has room for.
        wide, high = -(-size[0] // side) + 1, -(-size[1] // side) + 1
        return -(-min(wide * high, cap + max(wide, high)) * per_hundred // 100)

    return tokens


def tiles(base: int, tile: int, most: int = 8) -> Picture:
    """Return the rule of families with `base` tokens for the whole and `tile` for each 512-pixel square of it.

    High detail fits into 2048 x 2048 and then to a short side of 768: at most 8 squares.
    """

    def tokens(size: Size | None, low: bool) -> int:
        if low:
            return base
        if size is None:
            return base + tile * most
        wide, high = size
        across = min(-(-max(wide, high) // min(wide, high)) * 768, 2_048)
        return base + tile * min(2 * -(-across // 512), most)

    return tokens


def flat(each: int) -> Picture:
    """Return the rule of families that make the same of every picture, at most."""
    return lambda _size, _low: each


def _gemini(size: Size | None, _low: bool) -> int:
    """258 tokens for each square, whose side is 2/3 of the short side but 256 to 768 pixels, and for the whole."""
    if size is None:
        return 17 * 258
    short = min(size)
    side = min(max(short * 2 // 3, 256), 768)
    squares = min(-(-size[0] // side) * -(-size[1] // side), 16)
    return 258 * (squares + 1 if squares > 1 else 1)


def dearer(*rules: Picture) -> Picture:
    """Return the most that any of some rules makes, for families whose members follow different ones."""
    return lambda size, low: max(rule(size, low) for rule in rules)


FAMILIES: tuple[Family, ...] = (
    # OpenAI, "Images and vision": mini and nano models scale patches (1.62, 1.72, 2.46), 4o-mini scales tiles.
    Family(("gpt-4o-mini",), tiles(2_833, 5_667), base=40, message=4, tools=112, tool=16, schema=32),
    Family(
        ("gpt-4.1-mini", "gpt-5-mini", "o4-mini"),
        patches(32, 1_536, 172),
        base=40,
        message=4,
        tools=112,
        tool=16,
        schema=32,
    ),
    Family(("gpt-4.1-nano", "gpt-5-nano"), patches(32, 1_536, 246), base=40, message=4, tools=112, tool=16, schema=32),
    # The harmony template writes 60 to 70 tokens of its own (its published form).
    Family(("gpt-oss",), flat(0), base=96, tools=64, schema=64),
    Family(
        ("gpt-4", "gpt-3", "chatgpt", "o1", "o3", "computer-use"),
        tiles(85, 170),
        base=40,
        message=4,
        tools=112,
        tool=16,
        schema=32,
    ),
    Family(("gpt-image", "dall-e"), dearer(tiles(65, 129), patches(16, 6_240)), base=8, message=3),
    Family(
        ("gpt-",),
        dearer(tiles(70, 140), patches(32, 10_000, 120, unseen=15_600)),
        base=40,
        message=4,
        tools=112,
        tool=16,
        schema=32,
    ),
    # Anthropic, "Tool use" (159 to 530 tokens up to Claude 3, 346 for 4; more since 4.7 as answers count), "Vision"
    # (squares of 28 pixels, 1,568 of them, 4,784 since 4.7), "PDF support" (1,500 to 3,000 tokens of text a page),
    # "Citations" (adds to the system prompt).
    Family(
        (
            "claude-opus-4-7",
            "claude-opus-4-8",
            "claude-opus-5",
            "claude-sonnet-5",
            "claude-haiku-5",
            "fable",
            "mythos",
            "opus-4.7",
            "opus-4.8",
            "sonnet-5",
            "opus-5",
        ),
        patches(28, 4_784),
        base=56,
        message=4,
        tools=960,
        tool=48,
        schema=440,
        citations=1_200,
    ),
    Family(
        ("claude",),
        patches(28, 1_640),
        base=56,
        message=4,
        tools=560,
        tool=48,
        schema=340,
        citations=1_000,
    ),
    # Google, "Media resolution" and "Document understanding": sound 32 tokens a second, 258 or at most 1,120 a page.
    Family(
        ("gemini-3", "gemini-4"),
        flat(2_240),
        base=32,
        message=3,
        tools=112,
        tool=24,
        page=560,
        frame=320,
    ),
    Family(("gemini", "gemma", "learnlm"), _gemini, base=16, message=3, tools=64, tool=12, page=560, frame=320),
    # Hidden preambles of xAI's models; answers show more thinking than the bound on output allows.
    Family(("grok",), patches(14, 2_048), base=256, tools=320, tool=48, thinks_beyond=True),
    # What Cohere bills leaves its template out ("billed_units"); pictures are tiles of 256 tokens and an overview.
    Family(("command", "c4ai", "aya"), tiles(256, 256, most=12), base=8, message=3, tools=64, tool=16),
    Family(("nova-2", "nova-premier"), flat(2_600), base=64, tools=960, tool=64),
    Family(("nova",), flat(2_600), base=24, tools=420, tool=48),
    Family(("llama-4", "llama4"), patches(14, 4_096), base=32, tools=720, tool=32),
    Family(("llama",), patches(14, 6_404), base=48, message=5, tools=128, tool=24),
    Family(("deepseek",), patches(14, 2_048), base=88, message=5, tools=220, tool=32),
    Family(
        ("pixtral", "mistral", "mixtral", "ministral", "magistral", "devstral", "codestral", "voxtral"),
        patches(14, 5_800),
        base=16,
        message=5,
        tools=32,
        tool=16,
    ),
    Family(("qwen", "qwq"), patches(28, 16_384), base=24, message=5, tools=220, tool=24, schema=240),
    Family(("sonar",), patches(28, 1_640), base=8, message=4, schema=32),
    Family(("glm", "kimi", "moonshot", "minimax", "phi-", "jamba"), patches(14, 6_144), base=24, message=5),
    Family(
        (
            "embed",
            "bge-",
            "voyage",
            "e5-",
            "gte-",
            "rerank",
            "titan",
            "davinci",
            "babbage",
            "curie",
            "ada",
            "minilm",
            "moderation",
        ),
        patches(28, 4_096),
        base=2,
        message=3,
    ),
    Family((), dearer(flat(3_000), patches(28, 16_384)), base=64, tools=320, tool=48, schema=240),
)
_found: dict[str, Family] = {}
_REMEMBERED = 512


def family_of(model: str) -> Family:
    """Return the family of a model by its name, as its provider calls it."""
    known = _found.get(model)
    if known is None:
        name = model.lower()
        known = next(line for line in FAMILIES if not line.names or any(part in name for part in line.names))
        if len(_found) < _REMEMBERED:
            _found[model] = known
    return known

"""The settings of a stage as a table for docs/deploy.md, out of the dataclasses themselves.

    python -m infra.knobs            # print it
    python -m infra.knobs --write    # put it into docs/deploy.md, between its marks

What a setting means is the string under its member, so code and page cannot say two things.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import sys
from collections.abc import Iterable
from dataclasses import MISSING, Field, fields
from typing import Any

from infra.build import ROOT
from infra.capacity import Capacity
from infra.domain import Domain
from infra.releases import Release
from infra.settings import RegionSettings, Stage

PAGE = ROOT / "docs" / "deploy.md"
BEGIN, END = "<!-- settings: written by python -m infra.knobs --write -->", "<!-- end of settings -->"
SHOWN: tuple[type[Any], ...] = (Stage, Release, Capacity, Domain, RegionSettings)
"""The dataclasses that make up a stage; those with a page of their own (providers, invoices, rotation) stand there."""


class Undocumented(ValueError):
    """A setting says nothing about itself."""


def meanings(made: type[Any]) -> dict[str, str]:
    """Return what the members of a dataclass mean: the string under each. Raises Undocumented where there is none."""
    (tree,) = ast.parse(inspect.getsource(made)).body
    if not isinstance(tree, ast.ClassDef):
        raise Undocumented(f"{made.__name__} is no class.")
    found = {}
    for member, below in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
            told = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else None
            if not isinstance(told, str):
                raise Undocumented(
                    f"{made.__name__}.{member.target.id} has no string under it that says what it means."
                )
            found[member.target.id] = " ".join(told.split())
    return found


def table() -> str:
    """Return one table for each dataclass, in Markdown."""
    parts = []
    for made in SHOWN:
        told = meanings(made)
        rows = [f"| `{each.name}` | {_default(each)} | {_escaped(told[each.name])} |" for each in fields(made)]
        parts.append("\n".join([f"### {made.__name__}", "", "| setting | default | meaning |", "|---|---|---|", *rows]))
    return "\n\n".join(parts)


def page(text: str) -> str:
    """Return the page with the table of now between its marks."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise Undocumented(f"{PAGE.name} does not hold the marks {BEGIN} and {END}.")
    return f"{head}{BEGIN}\n\n{table()}\n\n{END}{tail}"


def _default(each: Field[Any]) -> str:
    if each.default is not MISSING:
        simple = each.default is None or isinstance(each.default, str | int | float | bool | tuple)
        return f"`{each.default!r}`" if simple else f"`{type(each.default).__name__}()`"
    return "must be given" if each.default_factory is MISSING else "`{}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: Iterable[str] | None = None) -> int:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(prog="python -m infra.knobs", description="The settings of a stage, as a table.")
    parser.add_argument("--write", action="store_true", help=f"put it into {PAGE.relative_to(ROOT)}")
    options = parser.parse_args(None if arguments is None else list(arguments))
    if options.write:
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        sys.stdout.write(f"{table()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""No class that holds a secret shows it: such fields are left out of `repr`, and nobody dumps the environment."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import sluice

PACKAGE = Path(sluice.__path__[0])
SECRET = re.compile(
    r"(?:^|_)(?:secret|token|password|passphrase|pepper|api_key|private_key|credential|credentials|authorization|"
    r"assertion|signing_key|key_text|access_key)(?:$|_)"
)
PLAIN = re.compile(r"\b(?:str|bytes|Mapping|dict|object|Any)\b")
NAMES_ONLY = {
    "sluice.settings.Settings.provider_secret": "the secret's name in Secrets Manager",
    "sluice.settings.Settings.gateway_secret": "the same",
    "sluice.settings.Settings.credentials_url": "where Lambda gives credentials; the word that opens it is not shown",
    "sluice.types.catalogue.Auth.token_body": "constants of the catalogue, which is public",
    "sluice.types.catalogue.Auth.token_headers": "the same",
    "sluice.dialects.bedrock_converse.stream_in._Block.secret": "reasoning that the vendor has encrypted",
}
"""Fields that are named like a secret and hold none, with what they hold."""


def classes() -> Iterator[type]:
    seen: set[type] = set()
    for found in pkgutil.walk_packages([str(PACKAGE)], "sluice."):
        if ".__main__" in found.name or found.name.startswith("sluice.local.bootstrap"):
            continue
        module = importlib.import_module(found.name)
        for _, each in inspect.getmembers(module, inspect.isclass):
            if each.__module__.startswith("sluice") and each not in seen:
                seen.add(each)
                yield each


CLASSES = list(classes())


def fields_of(found: type) -> Iterator[tuple[str, str, bool]]:
    """Yield the fields of a dataclass or NamedTuple: name, annotation, and whether `repr` shows it."""
    if dataclasses.is_dataclass(found):
        generated = hasattr(found.__repr__, "__wrapped__")  # and not one that the class has written itself
        for field in dataclasses.fields(found):
            yield field.name, str(field.type), field.repr and generated
    elif issubclass(found, tuple) and hasattr(found, "_fields"):
        generated = "collections" in found.__repr__.__code__.co_filename  # type: ignore[attr-defined]
        for name in found._fields:
            yield name, str(found.__annotations__.get(name, "")), generated


def test_there_are_classes_with_secrets_to_look_at() -> None:
    secret = [f"{each.__name__}.{name}" for each in CLASSES for name, *_ in fields_of(each) if SECRET.search(name)]
    assert len(CLASSES) > 200
    assert len(secret) > 10


@pytest.mark.parametrize("module", sorted({each.__module__ for each in CLASSES}))
def test_no_field_that_is_named_like_a_secret_is_shown(module: str) -> None:
    shown = [
        f"{module}.{each.__qualname__}.{name}"
        for each in CLASSES
        if each.__module__ == module
        for name, annotation, visible in fields_of(each)
        if visible and SECRET.search(name) and PLAIN.search(annotation)
    ]
    assert [name for name in shown if name not in NAMES_ONLY] == []


def test_nobody_dumps_the_environment() -> None:
    dumps = re.compile(
        r"(?:repr|str|dict|print|dumps|format)\(\s*os\.environ|\{os\.environ|environ\.items\(\)|environ\.copy\(\)"
    )
    found = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if not str(path.relative_to(PACKAGE)).startswith(("local/", "cli/")) and dumps.search(path.read_text())
    ]
    assert found == []


def test_nothing_prints_an_exception_with_its_values() -> None:
    """Tracebacks with local variables would show keys and prompts; so would evaluating what somebody sent."""
    banned = {"cgitb", "pdb", "pickle", "marshal", "shelve", "faulthandler"}
    calls = {"eval", "exec", "compile_command", "print_exc", "format_exc", "print_exception"}
    guests = []
    for path in PACKAGE.rglob("*.py"):
        name = str(path.relative_to(PACKAGE))
        if name.startswith(("local/", "cli/")):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import) and banned & {each.name.split(".")[0] for each in node.names}:
                guests.append(f"{name} imports {node.names[0].name}")
            if isinstance(node, ast.Call):
                called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                if called in calls:
                    guests.append(f"{name}:{node.lineno} calls {called}")
    assert guests == []


@dataclasses.dataclass(frozen=True)
class Careless:
    """Shows what it should not."""

    api_key: str


class CarelessTuple(NamedTuple):
    """Shows it as well."""

    token: str


@dataclasses.dataclass(frozen=True)
class Careful:
    """Writes its own text."""

    api_key: str

    def __repr__(self) -> str:
        return "Careful()"


def test_a_careless_class_would_be_found() -> None:
    assert list(fields_of(Careless)) == [("api_key", "str", True)]
    assert [visible for *_, visible in fields_of(CarelessTuple)] == [True]
    assert [visible for *_, visible in fields_of(Careful)] == [False]

"""Write bills of materials (CycloneDX 1.6, JSON): of what is deployed, and of all that is installed.

    python -m infra.sbom             # docs/sbom.json and .build/sbom-development.json

Everything is read from the lock files, so no network is needed, and the same locks give the same bytes. Licences of
what is deployed are written down here once they were read; of the rest they are what the installed packages say of
themselves, and a package that is not installed here is listed without one. A locked version has a SHA-256 for each of
its files (one for each platform): all of them are listed, and pip takes no other file. No address of a registry is
written; a package is named by its purl.
"""

from __future__ import annotations

import argparse
import base64
import functools
import importlib.metadata
import json
import re
import sys
import tomllib
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from packaging.requirements import Requirement

from infra.build import DEPLOYED, ROOT, locked_requirements

DEPLOYED_PAGE = ROOT / "docs/sbom.json"
DEVELOPMENT_PAGE = ROOT / ".build/sbom-development.json"
PYTHON_LOCKS = (
    "requirements.txt",
    "requirements-local.txt",
    "requirements-dev.txt",
    "requirements-bootstrap.txt",
    "requirements-ministack.txt",
    "tests/clients/requirements.txt",
    "tests/clients/requirements-litellm.txt",
)
NODE_LOCKS = ("package-lock.json", "tests/clients/node/package-lock.json")
NAMESPACE = uuid.UUID("6f1d3ce0-7a53-5a37-9a55-0d9f7f6b8a11")
"""What serial numbers are made in; any fixed UUID does."""

LICENCES = {
    "annotated-types": "MIT",
    "anyio": "MIT",
    "aws-lambda-powertools": "MIT",
    "certifi": "MPL-2.0",
    "cffi": "MIT-0",
    "cryptography": "Apache-2.0 OR BSD-3-Clause",
    "h11": "MIT",
    "httpcore": "BSD-3-Clause",
    "httpx": "BSD-3-Clause",
    "idna": "BSD-3-Clause",
    "jmespath": "MIT",
    "numpy": "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
    "pycparser": "BSD-3-Clause",
    "pydantic": "MIT",
    "pydantic-core": "MIT",
    "typing-extensions": "PSF-2.0",
    "typing-inspection": "MIT",
}
"""What is deployed, by its licence, as read in the packages' own metadata (2026-11). A new dependency is added here."""

# Trove classifiers of packages that do not yet state an SPDX expression (PEP 639).
SPDX = {
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}


@dataclass(frozen=True, slots=True)
class Locked:
    """One version of one package, as a lock file pins it; `hashes` are (algorithm in CycloneDX's words, hex)."""

    ecosystem: str
    name: str
    version: str
    hashes: tuple[tuple[str, str], ...]
    license: str = ""
    wanted_by: tuple[str, ...] = ()
    """Names of the packages that need it, where the lock says so."""

    @property
    def purl(self) -> str:
        """The package URL that names it everywhere."""
        return f"pkg:{self.ecosystem}/{self.name.replace('@', '%40')}@{self.version}"


def python_lock(lines: Iterable[str]) -> Iterator[Locked]:
    """Yield the packages of a requirements file with hashes. Raises ValueError for a line that pins nothing."""
    for block in re.split(r"\n(?=[A-Za-z0-9])", "\n".join(lines)):
        first = block.partition("\\\n")[0].partition(" --hash")[0].strip()
        if not first or first.startswith("#"):
            continue
        found = Requirement(first)
        pinned = re.fullmatch(r"==([A-Za-z0-9.!+]+)", str(found.specifier))
        hashes = tuple(sorted(("SHA-256", each) for each in re.findall(r"--hash=sha256:([0-9a-f]{64})", block)))
        if pinned is None or not hashes:
            raise ValueError(f"{first} is not pinned with its hashes")
        yield Locked("pypi", canonical(found.name), pinned[1], hashes, licence_of(found.name, pinned[1]), _via(block))


def node_lock(text: str) -> Iterator[Locked]:
    """Yield the packages of a package-lock.json. Raises KeyError for one without its hash."""
    for path, entry in json.loads(text)["packages"].items():
        if path:
            algorithm, _, digest = entry["integrity"].partition("-")
            hashes = ((algorithm.upper().replace("SHA", "SHA-"), base64.b64decode(digest).hex()),)
            yield Locked("npm", path.rpartition("node_modules/")[2], entry["version"], hashes, entry.get("license", ""))


def deployed() -> list[Locked]:
    """Return what the layer of third-party packages holds, for the machine that functions run on."""
    found = python_lock(locked_requirements(DEPLOYED))
    wanted_by = {(each.name, each.version): each.wanted_by for each in python_lock(_lines("requirements.txt"))}
    return [
        replace(each, license=LICENCES.get(each.name, ""), wanted_by=wanted_by[each.name, each.version])
        for each in found
    ]


def development() -> list[Locked]:
    """Return what any lock file pins; a version that several of them name is listed once."""
    found = [each for path in PYTHON_LOCKS for each in python_lock(_lines(path))]
    found += [each for path in NODE_LOCKS for each in node_lock((ROOT / path).read_text(encoding="utf-8"))]
    return list({each.purl: each for each in found}.values())


def bill(packages: Iterable[Locked], title: str) -> dict[str, Any]:
    """Return the bill of materials of `packages`; its serial number follows from them."""
    listed = sorted(packages, key=lambda each: each.purl)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    root = f"pkg:generic/{project['name']}@{project['version']}"
    # A name may be there in two versions (of two environments); an edge leads to each of them.
    edges: dict[str, set[str]] = {root: set(), **{each.purl: set() for each in listed}}
    for each in listed:
        parents = [other.purl for other in listed if other.name in each.wanted_by]
        for parent in parents or [root]:
            edges[parent].add(each.purl)
        if project["name"] in each.wanted_by:
            edges[root].add(each.purl)
    components = [_component(each) for each in listed]
    content = json.dumps([title, components], sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, content)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": project["name"],
                "version": project["version"],
                "description": title,
                "licenses": [{"expression": project["license"]}],
            }
        },
        "components": components,
        "dependencies": [{"ref": ref, "dependsOn": sorted(to)} for ref, to in edges.items()],
    }


def text(found: dict[str, Any]) -> str:
    """Return a bill as it is written to a file."""
    return json.dumps(found, indent=1) + "\n"


def canonical(name: str) -> str:
    """Return a Python package's name in normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence_of(name: str, version: str) -> str:
    """Return the SPDX expression of an installed package, "" where this version is not here or says nothing clear."""
    expression, stated, classifiers = installed().get((canonical(name), version), ("", "", ()))
    if expression or re.fullmatch(r"[A-Za-z0-9.+-]{2,40}", stated):
        return expression or stated
    kinds = [each.rpartition(" :: ")[2] for each in classifiers]
    return " AND ".join(sorted({SPDX[each] for each in kinds if each in SPDX}))


@functools.cache
def installed() -> dict[tuple[str, str], tuple[str, str, tuple[str, ...]]]:
    """Return what the packages of the project's environments say of their licences: expression, words, classifiers."""
    folders = [str(each) for each in sorted(ROOT.glob(".venv*/lib/python*/site-packages"))]
    found: dict[tuple[str, str], tuple[str, str, tuple[str, ...]]] = {}
    for distribution in importlib.metadata.distributions(path=[*folders, *sys.path]):
        about = distribution.metadata
        kinds = tuple(each for each in about.get_all("Classifier") or () if each.startswith("License ::"))
        words = [str((about.get_all(name) or [""])[0]).strip() for name in ("License-Expression", "License")]
        found[canonical(distribution.name), distribution.version] = (words[0], words[1], kinds)
    return found


def _component(package: Locked) -> dict[str, Any]:
    licences = {"licenses": [{"expression": package.license}]} if package.license else {}
    return {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        **licences,
        "hashes": [{"alg": algorithm, "content": digest} for algorithm, digest in package.hashes],
    }


def _via(block: str) -> tuple[str, ...]:
    notes = [line.strip().lstrip("#").strip() for line in block.splitlines() if line.strip().startswith("#")]
    names = [note.removeprefix("via").strip().partition(" ")[0] for note in notes]
    return tuple(canonical(name) for name in names if name and not name.startswith("-"))


def _lines(path: str) -> list[str]:
    return (ROOT / path).read_text(encoding="utf-8").splitlines()


def main(arguments: Iterable[str] | None = None) -> int:
    """Write both bills; print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m infra.sbom", description="Write bills of materials.")
    parser.parse_args(None if arguments is None else list(arguments))
    DEVELOPMENT_PAGE.parent.mkdir(exist_ok=True)
    for page, packages, title in (
        (DEPLOYED_PAGE, deployed(), "The layer of third-party packages that every function has"),
        (DEVELOPMENT_PAGE, development(), "All that building, testing and running locally installs"),
    ):
        page.write_text(text(bill(packages, title)), encoding="utf-8")
        known = sum(1 for each in packages if each.license)
        sys.stdout.write(f"{page.relative_to(ROOT)}: {len(packages)} packages, {known} with their licence\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

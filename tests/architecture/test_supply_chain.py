"""What comes from others: pinned with hashes, named without any registry's address, known by licence, and nothing more.

Whoever changes a dependency runs `make lock` and `make sbom`; the tests then say what is still missing.
"""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from benchmarks import peers
from infra import sbom
from infra.build import DEPLOYED, LAYERS, ROOT, layer_folder, locked_requirements
from sluice.local import bootstrap
from tests.drills import agents

ALLOWED = {"MIT", "MIT-0", "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "CC0-1.0", "PSF-2.0"}
"""Licences that may be deployed without asking anybody."""
ALLOWED_FOR = {"certifi": {"MPL-2.0"}}
"""And those of single packages. certifi is used as it came, so what MPL asks for changed files does not arise."""
# Written in pieces, so that this file is no finding of its own.
REGISTRIES = re.compile(
    "|".join(("pypi" + r"\.org", "python" + "hosted", "npm" + "js", "index" + "-url", "yarn" + "pkg"))
)
ADDRESS_LIKE = re.compile(
    r"(?:artifactory|jfrog|nexus|devpi|codeartifact|registry)[a-z0-9.-]*\.(?:com|org|net|io|dev|local)\b"
)
PIPED_SHELL = re.compile(r"(?:curl|wget)\b[^\n|]*\|\s*(?:sudo\s+)?(?:ba|z)?sh\b")


def tracked() -> Iterator[tuple[str, str]]:
    """Yield each committed text file as it stands here."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this copy has no git history to list its files")
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file():
            yield name, path.read_bytes().decode("utf-8", "replace")


def committed(pattern: str) -> list[str]:
    return [name for name, _ in tracked() if re.fullmatch(pattern, name)]


def commands() -> Iterator[tuple[str, str]]:
    """Yield the lines that people and machines are told to run: Makefile, CI, scripts and code blocks of pages."""
    for name, content in tracked():
        if name == "Makefile" or name.startswith(".ci/") or name.endswith(".sh"):
            yield from ((name, line) for line in content.splitlines())
        elif name.endswith(".md"):
            for block in re.findall(r"```(?:sh|bash|console)?\n(.*?)```", content, re.S):
                yield from ((name, line) for line in block.splitlines())


def test_the_bill_of_materials_lists_every_lock_file_there_is() -> None:
    assert set(committed(r"(?:.*/)?requirements[a-z-]*\.txt")) == set(sbom.PYTHON_LOCKS)
    assert set(committed(r"(?:.*/)?package-lock\.json")) == set(sbom.NODE_LOCKS)
    assert committed(r"(?:.*/)?(?:poetry\.lock|Pipfile\.lock|uv\.lock|yarn\.lock|pnpm-lock\.yaml)") == []


@pytest.mark.parametrize("path", sbom.PYTHON_LOCKS)
def test_every_python_package_is_one_version_with_its_hashes(path: str) -> None:
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    strange = [
        line
        for line in lines
        if line.strip() and not re.match(r"[A-Za-z0-9._-]+(?:\[[a-z,]+\])?==|    --hash=sha256:[0-9a-f]{64}|\s*#", line)
    ]
    assert strange == []  # no option, address, path, editable or range
    locked = list(sbom.python_lock(lines))
    assert len(locked) == sum(1 for line in lines if line[:1].isalnum())
    assert all(each.hashes for each in locked)


def test_a_requirement_without_hashes_is_no_lock() -> None:
    with pytest.raises(ValueError, match="not pinned"):
        list(sbom.python_lock(["example==1.0"]))
    with pytest.raises(ValueError, match="not pinned"):
        list(sbom.python_lock([f"example>=1.0 --hash=sha256:{'0' * 64}"]))


def test_what_the_project_asks_for_is_what_the_locks_hold() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for path, asked in (
        ("requirements.txt", project["dependencies"]),
        ("requirements-local.txt", [*project["dependencies"], *extras["local"]]),
        ("requirements-dev.txt", [*project["dependencies"], *extras["local"], *extras["dev"]]),
    ):
        held: dict[str, set[str]] = {}
        for each in sbom.python_lock((ROOT / path).read_text(encoding="utf-8").splitlines()):
            held.setdefault(each.name, set()).add(each.version)
        for wanted in map(Requirement, asked):
            versions = held.get(sbom.canonical(wanted.name), set())
            assert versions, f"{path} lacks {wanted}: run make lock"
            assert all(wanted.specifier.contains(version) for version in versions), f"{path} has {versions} of {wanted}"


def test_what_is_tested_is_what_is_deployed() -> None:
    locks = [
        {(each.name, each.version): each.hashes for each in sbom.python_lock((ROOT / path).read_text().splitlines())}
        for path in sbom.PYTHON_LOCKS[:3]
    ]
    deployed, local, development = locks
    assert deployed.items() <= local.items()
    assert local.items() <= development.items()


def test_whoever_installs_checks_the_hashes() -> None:
    source = Path(bootstrap.__file__).read_text(encoding="utf-8")
    installs = re.findall(r'"install"[^\n]*', source)
    assert installs
    assert source.count("--require-hashes") >= 1
    assert 'f"requirements' in source
    build = (ROOT / "infra/build.py").read_text(encoding="utf-8")
    assert all(flag in build for flag in ("--require-hashes", "--no-deps", "--only-binary=:all:"))


@pytest.mark.parametrize("path", sbom.NODE_LOCKS)
def test_every_node_package_has_its_hash_and_no_address(path: str) -> None:
    lock = json.loads((ROOT / path).read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    for name, entry in packages.items():
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", entry.get("integrity", "")), f"{name} has no integrity"
        assert "resolved" not in entry, f"{name} names where it came from"
        assert not entry.get("hasInstallScript"), f"{name} runs a script when it is installed"
    manifest = json.loads((ROOT / path).with_name("package.json").read_text(encoding="utf-8"))
    wanted = {**manifest.get("dependencies", {}), **manifest.get("devDependencies", {})}
    assert wanted
    for name, version in wanted.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{name} {version} is not one version"
        assert packages[f"node_modules/{name}"]["version"] == version


def test_no_committed_file_names_a_registry() -> None:
    found = [
        f"{name}: {match[0]}"
        for name, content in tracked()
        for pattern in (REGISTRIES, ADDRESS_LIKE)
        if (match := pattern.search(content)) is not None
    ]
    assert found == []


def test_no_command_installs_or_runs_what_is_not_pinned() -> None:
    loose = []
    for name, line in commands():
        for asked in re.findall(r"\b(?:npx|pnpm dlx|yarn dlx|bunx)\s+(?:-y\s+|--yes\s+)?(\S+)", line):
            if not re.search(r"[^@]@\d+\.\d+\.\d+$", asked):
                loose.append(f"{name}: {line.strip()}")
        for asked in re.findall(r"\b(?:uvx|pipx run|pipx install|uv tool install)\s+(\S+)", line):
            if "==" not in asked and "@" not in asked:
                loose.append(f"{name}: {line.strip()}")
        if re.search(r"\bpip3?\s+install\b", line) and "--require-hashes" not in line:
            loose.append(f"{name}: {line.strip()}")
        if re.search(r"\bnpm\s+(?:i|install|add|exec)\b", line) or PIPED_SHELL.search(line):
            loose.append(f"{name}: {line.strip()}")
    assert loose == []


def test_what_comparisons_download_is_one_version_each() -> None:
    # For the sake of a comparison alone, on demand, into .cache: pinned by version, and by what it needs not at all.
    for name in (peers.LITELLM, peers.PORTKEY, *agents.PACKAGES):
        assert re.search(r"[^@=](?:@|==)\d+\.\d+\.\d+$", name), name


def test_the_cdk_command_is_one_version_everywhere() -> None:
    pinned = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["devDependencies"]["aws-cdk"]
    said = {
        version for _, content in tracked() for version in re.findall(r"npx aws-cdk@(\d+\.\d+\.\d+|[a-z]+)", content)
    }
    assert said == {pinned}


def test_ci_runs_the_projects_own_commands_and_no_code_of_others() -> None:
    foreign = [name for name, _ in tracked() if name.startswith((".github/workflows/", ".gitlab-ci", ".circleci/"))]
    for name in foreign:
        for action in re.findall(r"uses:\s*(\S+)", (ROOT / name).read_text(encoding="utf-8")):
            assert re.search(r"@[0-9a-f]{40}$", action), f"{name} uses {action}, which is not one commit"
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    orders = [line for line in script.splitlines() if line and not line.startswith(("#", "set ", "cd "))]
    assert orders == ["make test"]


def test_every_deployed_package_has_a_licence_that_is_allowed() -> None:
    for each in sbom.deployed():
        assert each.license, f"{each.name} {each.version} has no licence in infra/sbom.py"
        names = set(re.findall(r"[A-Za-z0-9.-]+", each.license)) - {"AND", "OR", "WITH"}
        assert names <= ALLOWED | ALLOWED_FOR.get(each.name, set()), f"{each.name}: {each.license}"
    assert set(sbom.LICENCES) == {each.name for each in sbom.deployed()}


def test_the_licences_written_down_are_those_that_the_packages_state() -> None:
    stated = {each.name: sbom.licence_of(each.name, each.version) for each in sbom.deployed()}
    assert sum(1 for words in stated.values() if words) >= 10
    assert {name: words for name, words in stated.items() if words and words != sbom.LICENCES[name]} == {}


def test_the_committed_bill_is_that_of_the_lock() -> None:
    made = sbom.text(sbom.bill(sbom.deployed(), "The layer of third-party packages that every function has"))
    assert sbom.DEPLOYED_PAGE.read_text(encoding="utf-8") == made, "run make sbom"


def test_a_bill_is_complete_well_formed_and_the_same_each_time() -> None:
    for packages in (sbom.deployed(), sbom.development()):
        bill = sbom.bill(packages, "x")
        assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
        assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bill["serialNumber"])
        refs = [each["bom-ref"] for each in bill["components"]]
        assert len(refs) == len(set(refs)) == len(packages)
        known = {*refs, bill["metadata"]["component"]["bom-ref"]}
        assert {each["ref"] for each in bill["dependencies"]} == known
        reached = {to for each in bill["dependencies"] for to in each["dependsOn"]}
        assert reached == set(refs)  # whatever is listed is there because something asks for it
        lengths = {"SHA-256": 64, "SHA-512": 128, "SHA-1": 40, "SHA-384": 96}
        for component in bill["components"]:
            assert component["hashes"]
            assert all(lengths[each["alg"]] == len(each["content"]) for each in component["hashes"])
            assert "://" not in json.dumps(component)
        assert sbom.text(sbom.bill(reversed(packages), "x")) == sbom.text(bill)


def test_the_deployed_layer_is_what_the_lock_says_for_the_machine_that_runs_it() -> None:
    lines = locked_requirements(DEPLOYED)
    named = {(each.name, each.version) for each in sbom.python_lock(lines)}
    assert len(named) == len(lines)
    assert named == {(each.name, each.version) for each in sbom.deployed()}
    own = {path.name for path in (ROOT / "layers").iterdir() if path.is_dir()}
    assert own <= set(LAYERS)  # no layer is copied without being built from sources or from the lock


def test_a_layer_that_was_built_holds_no_other_package() -> None:
    folder = layer_folder("dependencies", DEPLOYED) / "python"
    if not folder.is_dir():
        pytest.skip("the layer of dependencies is not built here: make build")
    metadata = [path.name for path in folder.glob("*.dist-info")]
    parts = [name.removesuffix(".dist-info").rpartition("-") for name in metadata]
    there = {(sbom.canonical(name), version) for name, _, version in parts}
    assert there == {(each.name, each.version) for each in sbom.deployed()}
    recorded = {
        Path(line.partition(",")[0]).parts[0]
        for name in metadata
        for line in (folder / name / "RECORD").read_text(encoding="utf-8").splitlines()
    }
    assert {path.name for path in folder.iterdir()} <= recorded | {"__pycache__"}


def test_functions_are_given_no_other_layer() -> None:
    source = (ROOT / "infra/constructs/layers.py").read_text(encoding="utf-8")
    others = [name for name, content in tracked() if name.startswith("infra/") and "from_layer_version_arn" in content]
    assert others == []  # a layer by ARN would be code of others that no lock pins
    assert "built_layer(name" in source

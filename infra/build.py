"""Fill `.build/` with the three layers, without Docker, for the machine that will run them.

Deployed functions run on arm64 under Python 3.13; `--local` builds for this machine and this interpreter instead, for
an emulator that runs the functions on the host. A layer's folder is named after a digest of everything that goes into
it (sources or lock file, target, compiler), so a layer is built once, and the digest is the CDK asset's hash: synth
reads folder names and never runs a tool.

    python -m infra.build            # what is missing, for arm64
    python -m infra.build --local    # the same for this machine

Third-party wheels come from `requirements.txt` by pip, hashes checked, binaries only. Modules are compiled to
unchecked-hash .pyc files when an interpreter of the target's version is found (`SLUICE_BUILD_PYTHON` names one):
/opt is read-only, so without them every cold start would compile each module again.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / ".build"
LAYERS = ("dependencies", "runtime", "sluice")
FORMAT = "1"
"""Raise it when the way of building changes, so that every layer is built again."""

NOT_DEPLOYED = ("local", "cli")
"""Folders of the `sluice` package that only a developer's machine needs."""

_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", ".DS_Store")
_STRIPPED_FOLDERS = {"tests", "test", "__pycache__", "include"}
_STRIPPED_SUFFIXES = (".pyi", ".pyx", ".pxd", ".c", ".h", ".a")


class BuildFailed(RuntimeError):
    """A layer could not be built; the message says which, why, and what to do."""


class LayerMissing(RuntimeError):
    """A layer has not been built for its target."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a layer must run on: a machine as `platform.machine()` names it, and a Python version such as "3.13"."""

    machine: str
    python: str

    @property
    def folder(self) -> str:
        """The target's folder inside `.build/`."""
        return f"{self.machine}-python{self.python}"


DEPLOYED = Target("aarch64", "3.13")


def host() -> Target:
    """Return the target that this interpreter is."""
    return Target(platform.machine().lower(), f"{sys.version_info.major}.{sys.version_info.minor}")


def digest(layer: str, target: Target) -> str:
    """Return the hex digest of all that goes into `layer` for `target`."""
    total = hashlib.sha256(f"{FORMAT} {layer} {target} compiled={compiler(target.python) is not None}".encode())
    if layer == "dependencies":
        total.update("\n".join(locked_requirements(target)).encode())
        return total.hexdigest()
    source = ROOT / "layers" / layer
    for path in _deployed_files(layer):
        executable = os.access(path, os.X_OK)
        total.update(f"\0{path.relative_to(source).as_posix()}\0{executable}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def layer_folder(layer: str, target: Target, into: Path = BUILD) -> Path:
    """Return where `layer` for `target` stands once it is built."""
    return into / target.folder / f"{layer}-{digest(layer, target)[:16]}"


def built_layer(layer: str, target: Target) -> Path:
    """Return the folder of a layer that was built.

    Raises:
        LayerMissing: it was not; the message says how to build it.
    """
    folder = layer_folder(layer, target)
    if folder.is_dir():
        return folder
    flag = "" if target == DEPLOYED else " --local"
    raise LayerMissing(
        f"Layer '{layer}' is not built for {target.machine} and Python {target.python} ({folder.relative_to(ROOT)} is "
        f"absent). Run `python -m infra.build{flag}`, or synthesize with `python -m infra.app --build`."
    )


def build(layer: str, target: Target, into: Path = BUILD) -> Path:
    """Build `layer` for `target` unless it stands already, and return its folder.

    Raises:
        BuildFailed: pip or the compiler failed.
    """
    folder = layer_folder(layer, target, into)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{layer}-") as scratch:
        content = Path(scratch) / "content"
        content.mkdir()
        if layer == "dependencies":
            _install_wheels(content / "python", target)
        else:
            _copy_sources(layer, content)
        _compile(content, target)
        # Another run may have finished first; its result has the same digest, so either will do.
        if not folder.is_dir():
            content.rename(folder)
    return folder


def prune(layer: str, target: Target, into: Path = BUILD) -> None:
    """Delete what was built of `layer` for `target` from earlier sources."""
    current = layer_folder(layer, target, into)
    for folder in current.parent.glob(f"{layer}-*"):
        if folder != current:
            shutil.rmtree(folder)


@functools.cache
def compiler(version: str) -> str | None:
    """Return an interpreter of exactly this minor version, or None; its .pyc files are the ones Lambda will load."""
    candidates = [os.environ.get("SLUICE_BUILD_PYTHON"), sys.executable, shutil.which(f"python{version}")]
    return next((found for found in candidates if found and _version_of(found) == version), None)


def locked_requirements(target: Target) -> tuple[str, ...]:
    """Return the lock's lines that apply to `target`: name, version and hashes, without their markers.

    pip judges markers by the interpreter it runs on even when `--python-version` names another one, so the choice is
    made here. The lock is complete, hence pip is told not to resolve anything.
    """
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    lines = [line.strip() for line in lock.replace("\\\n", " ").splitlines()]
    return tuple(_pinned(line) for line in lines if line[:1] not in ("", "#") and _applies(line, target))


def _applies(line: str, target: Target) -> bool:
    marker = Requirement(line.partition(" --hash")[0]).marker
    environment = {
        "python_version": target.python,
        "python_full_version": f"{target.python}.0",
        "platform_machine": target.machine,
    }
    if target == DEPLOYED:
        environment |= {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    return marker is None or marker.evaluate(environment)


def _pinned(line: str) -> str:
    requirement, *hashes = line.split(" --hash=")
    return " --hash=".join([requirement.partition(";")[0].strip(), *(text.strip() for text in hashes)])


def _install_wheels(folder: Path, target: Target) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as chosen:
        chosen.write("\n".join(locked_requirements(target)) + "\n")
        chosen.flush()
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        command += ["--no-deps", "--require-hashes", "--only-binary=:all:", "--target", str(folder)]
        _run([*command, *_wheel_tags(target), "-r", chosen.name], "dependencies")
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and path.name in _STRIPPED_FOLDERS:
            shutil.rmtree(path)
        elif path.is_file() and path.name.endswith(_STRIPPED_SUFFIXES):
            path.unlink()
    shutil.rmtree(folder / "bin", ignore_errors=True)


def _wheel_tags(target: Target) -> Iterator[str]:
    if target == host():
        return
    # Lambda's Amazon Linux 2023 has glibc 2.34; pip matches a platform tag literally, so each one is named.
    for tag in ("manylinux2014", "manylinux_2_17", "manylinux_2_27", "manylinux_2_28"):
        yield f"--platform={tag}_{target.machine}"
    # The last flag: some pips hold Requires-Python against the interpreter they run on, whatever version is asked for.
    yield from ("--implementation=cp", f"--python-version={target.python}", "--ignore-requires-python")


def _deployed_files(layer: str) -> list[Path]:
    source = ROOT / "layers" / layer
    left_out = {source / "python" / "sluice" / name for name in NOT_DEPLOYED}
    found = (path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    kept = (path for path in found if path.suffix != ".pyc" and left_out.isdisjoint(path.parents))
    return sorted(kept)


def _copy_sources(layer: str, content: Path) -> None:
    source = ROOT / "layers" / layer
    for path in _deployed_files(layer):
        copy = content / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)


def _compile(content: Path, target: Target) -> None:
    interpreter = compiler(target.python)
    if interpreter is None:
        sys.stderr.write(
            f"warning: no Python {target.python} here, so the layer holds no compiled modules and cold starts are "
            f"slower. Install one, or name it in SLUICE_BUILD_PYTHON.\n"
        )
        return
    # The recorded path is the deployed one, so that tracebacks read well and the build does not depend on the folder.
    command = [interpreter, "-m", "compileall", "-q", "-s", str(content), "-p", "/opt"]
    _run([*command, "--invalidation-mode", "unchecked-hash", str(content)], "compiled modules")


def _version_of(interpreter: str) -> str | None:
    probe = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run([interpreter, "-c", probe], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def _run(command: Sequence[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        output = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise BuildFailed(f"Building the {what} failed with exit code {done.returncode}:\n{output}")


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def main(arguments: Iterable[str] | None = None) -> int:
    """Build what is missing; print one line per layer with its size and the seconds it took."""
    parser = argparse.ArgumentParser(prog="python -m infra.build", description="Build the Lambda layers.")
    parser.add_argument("--local", action="store_true", help="for this machine and interpreter, not for arm64")
    options = parser.parse_args(None if arguments is None else list(arguments))
    target = host() if options.local else DEPLOYED
    for layer in LAYERS:
        began = time.monotonic()
        try:
            folder = build(layer, target)
            prune(layer, target)
        except BuildFailed as failure:
            sys.stderr.write(f"{failure}\n")
            return 1
        size, seconds = _megabytes(folder), time.monotonic() - began
        sys.stdout.write(f"{layer:<13}{folder.relative_to(ROOT)}  {size:.1f} MB  {seconds:.1f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Install what Sluice needs into `.venv` and `.venv-ministack`, from the hash-pinned requirements files.

Runs as a plain script on whatever Python the machine has (`python3 -I bootstrap.py local|dev|clients`), before anything
is installed: standard library only, and parsable by Python 3.6 so that an old one gets a sentence instead of a
traceback. A step is skipped while its stamp, a hash of what it was made from, is unchanged. Every failure is one
sentence on stderr and exit code 1; the output of the installers is in `.local/setup.log`.
"""

import fcntl
import hashlib
import os
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), *[os.pardir] * 5))
VENV = os.path.join(ROOT, ".venv")
MINISTACK = os.path.join(ROOT, ".venv-ministack")
LOCAL = os.path.join(ROOT, ".local")
LOG = os.path.join(LOCAL, "setup.log")
CLIENTS = (
    (os.path.join(ROOT, ".venv-clients"), "tests/clients/requirements.txt"),
    (os.path.join(ROOT, ".venv-litellm"), "tests/clients/requirements-litellm.txt"),  # pins an older openai
)
OLDEST = (3, 11)
CANDIDATES = ("python3.13", "python3.12", "python3.11", "python3", sys.executable)
PROBE = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
CAN_CREATE = PROBE + "; import ensurepip, venv"


class Refusal(Exception):
    """A reason why Sluice cannot be installed here, as one sentence for the person who started it."""


def main(arguments: "list[str]") -> int:
    """Install for `local` (what `make run` needs), `dev` (that and the test tools) or `clients` (the clients that the
    tests run, in environments of their own); return the exit code."""
    try:
        check_writable()
        with open(os.path.join(LOCAL, "setup.lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            install("dev" in arguments or "clients" in arguments)
            if "clients" in arguments:
                install_clients()
    except Refusal as refusal:
        sys.stderr.write("sluice: %s\n" % refusal)  # noqa: UP031 - one form that every Python reads
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def check_writable() -> None:
    """Make the `.local` folder. Raises Refusal when the project's folder cannot be written."""
    try:
        os.makedirs(LOCAL, exist_ok=True)
        with open(LOG, "ab"):
            pass
    except OSError as error:
        raise Refusal(
            f"cannot write to {ROOT} ({error.strerror}). "
            "Sluice keeps its packages and its local state there; copy it to a folder that you may write to."
        ) from error


def install(development: bool) -> None:
    """Bring both environments up to date."""
    python = os.path.join(VENV, "bin", "python")
    if version_of(python) < OLDEST:
        chosen = interpreter()
        say("Setting up; the first start downloads about 60 MB.")
        run([chosen, "-m", "venv", "--clear", VENV], "could not create the Python environment .venv")
    emulator = os.path.join(MINISTACK, "bin", "python")
    if version_of(emulator) < OLDEST:
        run([python, "-m", "venv", "--clear", "--without-pip", MINISTACK], "could not create .venv-ministack")
    step(VENV, "uv", ["requirements-bootstrap.txt"], lambda: install_uv(python))
    names = ["local", "dev"] if development else ["local"]
    for name in names:
        requirements = f"requirements-{name}.txt"
        step(VENV, name, [requirements], lambda wanted=requirements: install_file(python, wanted))
    step(VENV, "project", ["pyproject.toml"], lambda: install_project(python))
    requirements = "requirements-ministack.txt"  # an environment of its own, because it pins botocore
    step(MINISTACK, "ministack", [requirements], lambda: install_file(emulator, requirements))


def install_clients() -> None:
    """Bring the environments of the clients up to date."""
    python = os.path.join(VENV, "bin", "python")
    for environment, requirements in CLIENTS:
        own = os.path.join(environment, "bin", "python")
        if version_of(own) < OLDEST:
            name = os.path.basename(environment)
            run([python, "-m", "venv", "--clear", "--without-pip", environment], f"could not create {name}")
        step(environment, "clients", [requirements], lambda a=own, b=requirements: install_file(a, b))


def step(environment: str, name: str, inputs: "list[str]", action: "object") -> None:
    """Run `action` unless the stamp in `environment` says that it was done from the same inputs."""
    digest = hashlib.sha256(ROOT.encode())  # a copied folder must not run the code of the one it was copied from
    for path in inputs:
        with open(os.path.join(ROOT, path), "rb") as source:
            digest.update(source.read())
    stamp = os.path.join(environment, f".stamp-{name}")
    wanted = digest.hexdigest()
    if read(stamp) == wanted:
        return
    if action() is False:  # type: ignore[operator]
        return  # tried again at the next start
    with open(stamp, "w") as target:
        target.write(wanted)


def read(path: str) -> str:
    """Return a small text file, "" when it is not there."""
    try:
        with open(path) as source:
            return source.read()
    except OSError:
        return ""


def version_of(python: str) -> "tuple[int, ...]":
    """Return the version of an interpreter, (0,) of one that does not run."""
    lines, _ = output_of([python, "-c", PROBE])
    return tuple(int(part) for part in lines[0].split(".")) if lines else (0,)


def output_of(command: "list[str]") -> "tuple[list[str], int]":
    """Run a command that may well not exist; return its lines and exit code."""
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return [], 127
    output = child.communicate()[0]
    return output.decode("utf-8", "replace").splitlines(), child.returncode


def interpreter() -> str:
    """Return the first usable interpreter, the newest first. `PYTHON` in the environment overrides the choice."""
    chosen = os.environ.get("PYTHON")
    seen = []
    for name in [chosen] if chosen else CANDIDATES:
        lines, code = output_of([name, "-c", CAN_CREATE])
        if not lines:
            continue  # not there, or a version manager's shim without a version behind it
        if tuple(int(part) for part in lines[0].split(".")) < OLDEST:
            seen.append(f"{os.path.basename(name)} is {lines[0]}")
        elif code != 0:
            seen.append(f"{os.path.basename(name)} {lines[0]} has no venv module (on Debian: apt install python3-venv)")
        else:
            return name
    found = "; ".join(dict.fromkeys(seen)) or f"{chosen or 'no python3'} does not run here"
    raise Refusal(
        f"Python 3.11 or newer is needed: {found}. Install one, or name it: make run PYTHON=/path/to/python3.13"
    )


def install_uv(python: str) -> bool:
    """Install the pinned uv with pip; Sluice can be installed without it, only slower. Return whether it worked."""
    if output_of([python, "-m", "pip", "--version"])[1] != 0:
        run([python, "-m", "ensurepip"], "could not install pip into .venv")
    requirements = os.path.join(ROOT, "requirements-bootstrap.txt")
    return attempt([*pip(python), "--require-hashes", "-r", requirements])


def install_file(python: str, requirements: str) -> None:
    """Install one requirements file into the environment of `python`."""
    say(f"Installing {requirements}.")
    install_with(python, ["--require-hashes", "-r", os.path.join(ROOT, requirements)])


def install_project(python: str) -> None:
    """Install Sluice itself, so that the folder's files are what is imported."""
    install_with(python, ["--no-deps", "--no-build-isolation", "--editable", ROOT])


def install_with(python: str, wanted: "list[str]") -> None:
    """Install with uv, and where that fails (a mirror that only pip is told of, a proxy) with pip."""
    uv = os.path.join(VENV, "bin", "uv")
    if os.path.exists(uv) and attempt([uv, "pip", "install", "--quiet", "--python", python, *wanted]):
        return
    own = os.path.join(VENV, "bin", "python")
    run(
        [*pip(own, python), *wanted],
        "could not download the packages it needs. Check the network (or the proxy and package index settings of pip)",
    )


def pip(own: str, python: "str | None" = None) -> "list[str]":
    """Return the beginning of a `pip install` by `own` into the environment of `python`."""
    target = ["--python", python] if python not in (None, own) else []
    return [own, "-m", "pip", *target, "install", "--quiet", "--disable-pip-version-check", "--retries", "2"]


def attempt(command: "list[str]") -> bool:
    """Run an installer, its output into the log; return whether it succeeded."""
    # A company's own certificate authority is in the system's store, not in the one that uv brings.
    environ = dict(os.environ, UV_NATIVE_TLS="1", UV_SYSTEM_CERTS="1", UV_LINK_MODE="copy")
    environ.pop("VIRTUAL_ENV", None)
    with open(LOG, "ab") as log:
        log.write(f"$ {' '.join(command)}\n".encode())
        log.flush()
        try:
            return (
                subprocess.call(command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log) == 0
            )
        except OSError as error:
            log.write(f"{error}\n".encode())
            return False


def run(command: "list[str]", failure: str) -> None:
    """Run an installer. Raises Refusal with `failure` and the installer's own last words."""
    if not attempt(command):
        raise Refusal(f"{failure}. Last words: {last_words()} (all of them: .local/setup.log)")


def last_words() -> str:
    """Return the last line of the log that says what went wrong."""
    lines = [line.strip() for line in read(LOG).splitlines() if line.strip()]
    errors = [line for line in lines[-40:] if line.lower().startswith(("error", "fatal", "oserror", "permission"))]
    return (errors or lines or ["nothing"])[-1][:300]


def say(words: str) -> None:
    """Tell the person who waits what is going on."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

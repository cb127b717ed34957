"""Does a cold start grow with the number of providers? `python -m benchmarks.catalogue_size [--times N]`.

A fresh interpreter finds one model in catalogues of one provider, of all that are shipped, and of ten times as many.
It reports CPU milliseconds from the first import to the model (median), and the files that were opened. The bar: ten
times the providers cost at most half as much again for `provider/model`, and open no more files.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from sluice.local.catalogue import index_of
from sluice.providers.registry import BUNDLED

BAR = 1.5
NAMES = ("openai/gpt-4o-mini", "gpt-4o-mini")
COPIES = 10

PROBE = """
import json, sys, time
opened = []
def hear(event, found):
    if event == "open" and str(found[0]).startswith(sys.argv[1]):
        opened.append(found[0])
sys.addaudithook(hear)
begun = time.process_time()
from sluice.providers.registry import Registry
offers = Registry((sys.argv[1],)).resolve(sys.argv[2])
spent = time.process_time() - begun
print(json.dumps({"ms": spent * 1000, "files": len(opened), "found": len(offers)}))
"""


def catalogues(folder: Path) -> dict[str, Path]:
    """Make the three catalogues; the copies of a provider have names, and models, of their own."""
    shipped = [path for path in Path(BUNDLED).glob("*.json") if path.name != "index.json"]
    made = {"one": folder / "one", "shipped": folder / "shipped", "tenfold": folder / "tenfold"}
    for path in made.values():
        path.mkdir()
    shutil.copy(Path(BUNDLED) / "openai.json", made["one"])
    for path in shipped:
        shutil.copy(path, made["shipped"])
        shutil.copy(path, made["tenfold"])
        provider = json.loads(path.read_text())
        for number in range(1, COPIES):
            name = f"{path.stem}_{number}"
            models = {f"{model}-{number}": {**entry, "aliases": []} for model, entry in provider["models"].items()}
            (made["tenfold"] / f"{name}.json").write_text(json.dumps({**provider, "name": name, "models": models}))
    for path in made.values():
        contents = [json.loads(file.read_text()) for file in sorted(path.glob("*.json"))]
        (path / "index.json").write_text(json.dumps(index_of(contents)))
    return made


def measure(path: Path, name: str, times: int) -> dict[str, float]:
    """Return the median CPU time and the number of files opened to find `name`."""
    found = []
    for _ in range(times + 1):
        done = subprocess.run(
            [sys.executable, "-c", PROBE, str(path), name], capture_output=True, text=True, check=True
        )
        found.append(json.loads(done.stdout))
    if not all(each["found"] for each in found):
        raise RuntimeError(f"{name} was not found in {path.name}")
    return {"ms": statistics.median(each["ms"] for each in found[1:]), "files": found[0]["files"]}


def main() -> int:
    """Print the table and a summary; 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description="Measure a cold look-up against the number of providers.")
    parser.add_argument("--times", type=int, default=15)
    times = parser.parse_args().times
    print(f"{'catalogue':<10}{'providers':>10}  {'name':<22}{'CPU ms':>8}{'files':>7}")
    figures: dict[tuple[str, str], dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, path in catalogues(Path(folder)).items():
            count = len(list(path.glob("*.json"))) - 1
            for name in NAMES:
                found = figures[kind, name] = measure(path, name, times)
                print(f"{kind:<10}{count:>10}  {name:<22}{found['ms']:>8.2f}{found['files']:>7.0f}")
    ratios = {name: figures["tenfold", name]["ms"] / figures["shipped", name]["ms"] for name in NAMES}
    files = {name: figures["tenfold", name]["files"] - figures["shipped", name]["files"] for name in NAMES}
    met = ratios[NAMES[0]] <= BAR and not any(files.values())
    shown = {name: round(ratio, 2) for name, ratio in ratios.items()}
    print(json.dumps({"bench": "catalogue_size", "tenfold_ratio": shown, "more_files": files, "bar": BAR, "met": met}))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())

"""Measure what Bancada promises, beside its references, in one session.

    python -m scripts.bench [launch|record|read|overhead|pages ...] [--json FILE]

Without a name everything is measured. The ratios matter, not the seconds: machines differ, and each reference runs in
turns with what it is compared to.
"""

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from db.home import PROJECT_ROOT
from scripts.benchmarks.results import Result, print_table, write_json

NAMES = ("launch", "record", "read", "overhead", "pages")


def measure(name: str) -> list[Result]:
    """The rows of one subject."""
    module = importlib.import_module(f"scripts.benchmarks.{name}")
    rows: list[Result] = module.measure()
    return rows


def measure_apart(name: str) -> list[Result]:
    """The same in a fresh process, so that what one subject leaves in memory does not slow the next.

    Raises:
        subprocess.CalledProcessError: when it failed; its own message is above.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        command = [sys.executable, "-m", "scripts.bench", name, "--json", str(file)]
        subprocess.run(command, cwd=PROJECT_ROOT, check=True, stdout=subprocess.DEVNULL)
        return [Result(**row) for row in json.loads(file.read_text(encoding="utf-8"))]


def main(arguments: list[str] | None = None) -> int:
    """Print the table and write the file; with ``--strict`` a promise that is not kept is exit status 1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(NAMES)} (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there, too")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a promise is not kept")
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.names) - set(NAMES))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; choose from {', '.join(NAMES)}")
    names = chosen.names or list(NAMES)
    results: list[Result] = []
    for name in names:
        print(f"Measuring {name} …", file=sys.stderr, flush=True)
        results += measure(name) if len(names) == 1 else measure_apart(name)
        if chosen.json:
            write_json(results, chosen.json)
    print_table(results)
    return 1 if chosen.strict and not all(row.holds for row in results) else 0


if __name__ == "__main__":
    sys.exit(main())

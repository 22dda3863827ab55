"""Find the system's Chromium or Chrome, which browser tests, pictures and page benchmarks drive.

python -m scripts.chromium [--install]
"""

import argparse
import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    "No Chromium or Chrome is here. Install one (on Debian: apt-get install chromium), or name it in BANCADA_CHROMIUM."
)


def find() -> str | None:
    """The path of the browser: ``BANCADA_CHROMIUM``, or the first known name on the PATH."""
    named = os.environ.get("BANCADA_CHROMIUM")
    return named or next((path for path in map(shutil.which, NAMES) if path), None)


def install() -> str | None:
    """Install Debian's package when that is allowed here.

    Returns:
        The path of the browser, or None when it could not be installed.
    """
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    print("Installing Chromium for the browser tests.", flush=True)
    quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=False, **quiet)
    return find()


def main() -> int:
    """Print the path. Exit status 1 on CI when there is none; elsewhere the browser tests say that they are skipped."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--install", action="store_true", help="install it with apt-get when it is missing and that is allowed"
    )
    wanted = parser.parse_args()
    path = find() or (install() if wanted.install else None)
    if path:
        print(f"Browser: {path}")
        return 0
    print(MISSING, file=sys.stderr)
    return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())

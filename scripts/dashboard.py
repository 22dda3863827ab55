"""Start the dashboard: check the address, bring the database up to date, serve until Ctrl-C. Runs outlive it.

``python -m scripts.dashboard --host 127.0.0.1 --port 8501``; ``--stop`` ends everything gently.
"""

import argparse
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import time
from tempfile import TemporaryFile
from urllib.error import URLError
from urllib.request import urlopen

from db import datasets, runs
from db.engine import connect
from db.errors import RecordError
from db.home import PROJECT_ROOT, home
from db.migrate import upgrade
from jobs import presence
from jobs.stopping import stop_everything

READY_SECONDS = 60.0
NOT_LOOPBACK = """\
HOST={host} was refused: this release has no sign-in, so whoever reaches the port could start programs on this machine.
The dashboard answers on this machine only (HOST=127.0.0.1).
From elsewhere, use a tunnel: ssh -L {port}:127.0.0.1:{port} user@this-machine, then open http://127.0.0.1:{port}"""


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.dashboard", description="Start the dashboard of Bancada.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--stop", action="store_true", help="end runs (saved, to be resumed), supervisor and dashboard")
    chosen = parser.parse_args(arguments)
    if chosen.stop:
        return stop_everything()
    trouble = why_no_folder() or why_not(chosen.host, chosen.port)
    if trouble:
        print(trouble, file=sys.stderr)
        return 2
    try:
        upgrade(connect())
    except Exception as error:  # noqa: BLE001 - a driver may raise anything; the message says it
        print(no_database(error), file=sys.stderr)
        return 2
    return serve(chosen.host, chosen.port)


def no_database(error: Exception) -> str:
    """Why the record cannot be opened, for a person; a database's driver says it in many words."""
    if isinstance(error, RecordError):
        return str(error)
    words = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    place = "BANCADA_DATABASE_URL" if os.environ.get("BANCADA_DATABASE_URL") else f"the data folder {home()}"
    return f"The database of {place} cannot be opened: {words[:400]}"


def why_no_folder() -> str:
    """Why nothing can be kept; empty when it can."""
    try:
        with TemporaryFile(dir=home()):
            return ""
    except OSError as error:
        place = os.environ.get("BANCADA_HOME", "bancada-data")
        return f"The data folder {place} cannot be written: {error.strerror}. BANCADA_HOME=<folder> chooses another."


def why_not(host: str, port: int) -> str:
    """Why the dashboard cannot be served there; empty when it can."""
    if not is_loopback(host):
        return NOT_LOOPBACK.format(host=host, port=port)
    if not 1 <= port <= 65_535:
        return f"PORT={port} is not a port; choose one between 1024 and 65535."
    if not is_free(host, port):
        ours = presence.dashboards().get(port)
        if ours is not None:
            return (
                f"This dashboard is up already: http://{address(host, port)} (process {ours.pid}).\n"
                f"`make stop` ends it; `make run PORT={port + 1}` starts a second one beside it."
            )
        return f"Port {port} is used by another program. Choose another one: make run PORT={port + 1}"
    return ""


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def address(host: str, port: int) -> str:
    """Host and port as in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def serve(host: str, port: int) -> int:
    """Run the server until it ends or Ctrl-C."""
    options = {
        "server.address": host,
        "server.port": port,
        "server.headless": "true",
        "browser.gatherUsageStats": "false",
        "logger.hideWelcomeMessage": "true",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", *flags]
    process = subprocess.Popen(command, cwd=PROJECT_ROOT)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        if not wait_until_ready(process, host, port):
            print("The dashboard did not start; the lines above say why.", file=sys.stderr)
            process.terminate()
            return process.wait() or 1
        greet(host, port)
        code = process.wait()
    except KeyboardInterrupt:
        code = _wait_for_end(process)
    farewell()
    return code


def wait_until_ready(process: subprocess.Popen[bytes], host: str, port: int) -> bool:
    """Whether the server answers before it ends or the patience does."""
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(f"http://{address(host, port)}/api/health", timeout=5):
                return True
        except (URLError, OSError):
            time.sleep(0.1)
    return False


def greet(host: str, port: int) -> None:
    """The address, and what is there."""
    with connect().reading() as session:
        has_data = bool(datasets.every(session))
    print(f"\n  Bancada: http://{address(host, port)}\n")
    print(f"  Everything is kept in {home()}")
    if not has_data:
        print("  No data yet: the Home page loads samples with one click, most of them without a download.")
    print("  Ctrl-C stops the dashboard and leaves runs running; `make stop` ends everything.\n", flush=True)


def farewell() -> None:
    """What goes on without the dashboard, in one line."""
    with connect().reading() as session:
        active = runs.active(session)
    if active:
        names = ", ".join(f"run {row.id}" for row in active[:5]) + (" and more" if len(active) > 5 else "")
        verb = "goes" if len(active) == 1 else "go"
        print(
            f"\nThe dashboard has stopped. {names} {verb} on without it: `make run` shows them, `make stop` ends them."
        )
    else:
        print("\nThe dashboard has stopped. Nothing is running.")


def _wait_for_end(process: subprocess.Popen[bytes], timeout_seconds: float = 10.0) -> int:
    """Ctrl-C reached the server as well; whoever does not go is ended."""
    process.terminate()
    try:
        process.wait(timeout_seconds)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        process.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""``python -m jobs``: the run supervisor. ``python -m jobs status`` tells, ``python -m jobs stop`` ends."""

import argparse
import logging
import signal
import sys
from importlib import import_module

from db.engine import connect
from db.migrate import upgrade
from jobs.errors import JobsError, PlaceTaken
from jobs.logs import open_log
from jobs.place import Place
from jobs.stopping import print_status, stop_everything
from jobs.supervisor import Names, Supervisor

_ENDING = (signal.SIGTERM, signal.SIGINT)


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m jobs", description="The run supervisor of Bancada.")
    parser.add_argument("command", nargs="?", choices=("supervise", "status", "stop"), default="supervise")
    parser.add_argument("--names", help=argparse.SUPPRESS)  # module:object with a Names, for tests
    parser.add_argument("--foreground", action="store_true", help="print to the terminal instead of the log")
    chosen = parser.parse_args(arguments)
    if chosen.command == "status":
        return print_status()
    if chosen.command == "stop":
        return stop_everything()
    return supervise(chosen.names, foreground=chosen.foreground)


def supervise(names: str | None, *, foreground: bool) -> int:
    """Take the place and work; returns the exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)  # one that comes too early waits for the handler
    try:
        place = Place()
    except PlaceTaken as taken:
        print(taken, file=sys.stderr)
        return 1
    if foreground:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    else:
        open_log()
    database = connect()
    upgrade(database)
    supervisor = Supervisor(database, _names(names))
    for number in _ENDING:
        signal.signal(number, lambda *_: supervisor.end())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    logging.getLogger(__name__).info("the supervisor begins")
    supervisor.work()
    logging.getLogger(__name__).info("the supervisor ends")
    place.leave()
    return 0


def _names(path: str | None) -> Names:
    if path is None:
        return Names()
    module, _, name = path.partition(":")
    found = getattr(import_module(module), name)
    if not isinstance(found, Names):
        raise JobsError(f"{path} is not a jobs.supervisor.Names")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

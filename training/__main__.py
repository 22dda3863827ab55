"""``python -m training FILE``: the same run with the same record, without the dashboard.

``python -m training --resume RUN`` goes on with a run that was stopped, failed or lost.
"""

import argparse
import getpass
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from db import datasets, runs, yaml_text
from db.config_paths import put
from db.engine import connect
from db.errors import RecordError, check_move
from db.migrate import upgrade
from db.run_config import ConfigError, RunConfig, read_config, read_yaml
from db.states import Mirror, RunState

EXIT_NOT_USABLE = 2


def main(arguments: list[str]) -> int:
    """Returns the exit code: 0 finished, 1 failed, 2 the config cannot be used, 3 stopped."""
    chosen, overrides = _arguments(arguments)
    try:
        if chosen.resume is not None:
            return _resume(chosen.resume)
        config = _config(Path(chosen.file), overrides)
        upgrade(connect())
        return _train(config, _facts(config, chosen, arguments))
    except (ConfigError, RecordError, OSError) as error:
        print(error, file=sys.stderr)
        return EXIT_NOT_USABLE


def _train(config: RunConfig, facts: dict[str, Any]) -> int:
    _calm_threads()
    from training.alone import train_alone  # torch is imported only now: a wrong config is told at once

    return train_alone(config, facts)


def _resume(run_id: int) -> int:
    upgrade(connect())
    with connect().reading() as session:
        check_move(run_id, runs.get(session, run_id).state, RunState.QUEUED)
    _calm_threads()
    from training.alone import resume_alone

    return resume_alone(run_id, getpass.getuser())


def _calm_threads() -> None:
    """Threads that spin starve each other; this is read when torch is loaded."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _arguments(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """(options, what follows ``--``)."""
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="Train what a YAML file says. Exit code: 0 finished, 1 failed, 2 not usable, 3 stopped.",
        epilog="After -- come changes such as trainer.max_epochs=3 data.init_args.batch_size=16.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("file", nargs="?", help="the config, as the launch page shows it")
    what.add_argument("--resume", type=int, metavar="RUN", help="go on with a run from its last checkpoint")
    parser.add_argument("--name", help="name of the run; by default the file's")
    parser.add_argument("--tag", action="append", default=[], help="a tag; may be given more than once")
    parser.add_argument("--mirror", choices=[one.value for one in Mirror], default=Mirror.OFF.value)
    split = arguments.index("--") if "--" in arguments else len(arguments)
    chosen = parser.parse_args(arguments[:split])
    if chosen.resume is not None and len(arguments) > 2:
        parser.error("--resume goes on with the run as it is; nothing else can be given")
    return chosen, arguments[split + 1 :]


def _config(file: Path, overrides: list[str]) -> RunConfig:
    """The file's config with the changes of the command line.

    Raises:
        ConfigError: when one of them cannot be used. OSError: when the file cannot be read.
    """
    text = file.read_bytes().decode("utf-8", errors="replace")
    if not overrides:
        return read_yaml(text)
    values = _load(text, f"{file} cannot be read")
    if not isinstance(values, dict):
        return read_yaml(text)  # which says what a config is
    for change in overrides:
        path, equals, value = change.partition("=")
        if not equals or not path:
            raise ConfigError([("", f"{change!r} is no change; write it like trainer.max_epochs=3.")])
        put(values, path, _load(value, f"{change!r} cannot be used"))
    return read_config(values)


def _load(text: str, doing: str) -> Any:
    try:
        return yaml_text.load(text)
    except yaml_text.YamlError as error:
        raise ConfigError([("", f"{doing}: {error}.")]) from None


def _facts(config: RunConfig, chosen: argparse.Namespace, arguments: list[str]) -> dict[str, Any]:
    """What the run's row gets beside the config, into which the exact version of the dataset is written.

    Raises:
        NotFound: when there is no such dataset.
    """
    facts: dict[str, Any] = {
        "name": (chosen.name or Path(chosen.file).stem).strip(),
        "tags": tuple(chosen.tag),
        "mirror": Mirror(chosen.mirror),
        "launched_by": getpass.getuser(),
        "command": f"python -m training {shlex.join(arguments)}",
    }
    reference = config.data.init_args.get("dataset")
    if isinstance(reference, str):
        with connect().reading() as session:
            version = datasets.resolve(session, reference)
        config.data.init_args["dataset"] = version.ref
        facts |= {"dataset": version.ref, "dataset_hash": version.content_hash}
    return facts


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A config becomes a queued run."""

import getpass
from collections.abc import Sequence

from db import datasets, modules, runs
from db.config_paths import DATASET
from db.engine import Session, after_commit
from db.errors import NotFound
from db.run_config import ConfigError, RunConfig
from db.states import Mirror, Relation
from jobs.commands import command_line
from jobs.validation import problems
from jobs.wake import wake


def launch(
    session: Session,
    config: RunConfig,
    *,
    name: str,
    tags: Sequence[str] = (),
    notes: str = "",
    mirror: Mirror = Mirror.OFF,
    preset: str | None = None,
    who: str = "",
    parent_id: int | None = None,
    relation: Relation | None = None,
) -> int:
    """Put a run at the queue's end, and wake the supervisor once that is committed; returns the run's id.

    The dataset is written into the config as name@version, so that the run means the same data for ever.

    Raises:
        ConfigError: with every fault and its path; nothing is written then.
    """
    _refuse_faults(session, config, name)
    config, dataset, dataset_hash = _with_dataset(session, config)
    run_id = runs.create(
        session,
        name=name.strip(),
        config=config.to_dict(),
        preset=preset,
        tags=tuple(tags),
        notes=notes,
        mirror=mirror,
        launched_by=who or getpass.getuser(),
        parent_id=parent_id,
        relation=relation,
        dataset=dataset,
        dataset_hash=dataset_hash,
        command=command_line(config, name=name.strip()),
    )
    after_commit(session, wake)
    return run_id


def _refuse_faults(session: Session, config: RunConfig, name: str) -> None:
    descriptions = {row.class_path: row.description for row in modules.every(session) if not row.error}
    found = problems(config, descriptions)
    if not name.strip():
        found = [("name", "A run needs a name."), *found]
    if found:
        raise ConfigError(found)


def _with_dataset(session: Session, config: RunConfig) -> tuple[RunConfig, str | None, str | None]:
    """(config with the version in it, its reference, its content's hash); a config without a dataset stays as it is."""
    reference = config.data.init_args.get("dataset")
    if reference is None:
        return config, None, None
    try:
        version = datasets.resolve(session, str(reference))
    except NotFound as error:
        raise ConfigError([(DATASET, str(error))]) from None
    exact = f"{version.name}@{version.number}"
    copy = config.model_copy(deep=True)
    copy.data.init_args["dataset"] = exact
    return copy, exact, version.content_hash

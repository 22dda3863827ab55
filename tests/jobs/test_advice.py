"""Each way of failing comes with something to try that changes the config in the right place."""

from types import SimpleNamespace
from typing import Any

import pytest

from db.run_config import read_config
from db.states import Reason, RunState
from jobs.advice import Advice, what_to_try
from jobs.control import with_changes

CONFIG: dict[str, Any] = {
    "seed": 1,
    "model": {"class_path": "a.Net", "init_args": {"learning_rate": 0.01}},
    "data": {"class_path": "a.Data", "init_args": {"dataset": "iris@1", "batch_size": 32}},
    "trainer": {"accumulate_grad_batches": 1, "precision": "32-true"},
}


def advice(state: RunState, reason: Reason | None, config: dict[str, Any] = CONFIG) -> list[Advice]:
    return what_to_try(SimpleNamespace(state=state, reason=reason, config=config))  # type: ignore[arg-type]


def test_out_of_memory_halves_the_batch_and_keeps_the_batch_per_step() -> None:
    first = advice(RunState.FAILED, Reason.OUT_OF_MEMORY)[0]
    assert first.changes == {"data.init_args.batch_size": 16, "trainer.accumulate_grad_batches": 2}
    assert read_config(with_changes(CONFIG, first.changes)).data.init_args["batch_size"] == 16


def test_a_batch_of_one_cannot_be_halved() -> None:
    config = with_changes(CONFIG, {"data.init_args.batch_size": 1})
    assert not any("Halve" in one.label for one in advice(RunState.FAILED, Reason.OUT_OF_MEMORY, config))


def test_nan_lowers_the_rate_and_clips() -> None:
    found = {key: value for one in advice(RunState.FAILED, Reason.NOT_FINITE) for key, value in one.changes.items()}
    assert found == {"model.init_args.learning_rate": 0.001, "trainer.gradient_clip_val": 1.0}


@pytest.mark.parametrize("reason", [Reason.SIGNAL, Reason.VANISHED, Reason.EXCEPTION, Reason.PAUSED, Reason.DISK_FULL])
def test_what_has_a_checkpoint_can_go_on(reason: Reason) -> None:
    assert advice(RunState.FAILED, reason)[0].resume


def test_every_reason_has_an_answer_and_every_change_makes_a_config_that_can_be_read() -> None:
    for reason in Reason:
        for one in advice(RunState.FAILED, reason):
            assert one.label
            assert one.help
            read_config(with_changes(CONFIG, one.changes))


def test_a_run_at_work_or_finished_needs_no_advice() -> None:
    assert advice(RunState.RUNNING, None) == []
    assert advice(RunState.FINISHED, Reason.COMPLETED) == []


def test_changes_leave_the_original_alone_and_make_the_parts_on_the_way() -> None:
    made = with_changes(CONFIG, {"trainer.checkpoint.save_top_k": 3})
    assert made["trainer"]["checkpoint"] == {"save_top_k": 3}
    assert "checkpoint" not in CONFIG["trainer"]

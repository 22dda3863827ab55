"""What to try after a run did not end well, as buttons: a label, why it may help, and what it changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from db.config_paths import flatten
from db.rows import RunDetail
from db.states import RESUMABLE, Reason, RunState

_BATCH_NAMES = ("batch_size", "train_batch_size")
_RATE_NAMES = ("learning_rate", "lr")
_ACCUMULATE = "trainer.accumulate_grad_batches"
_PRECISION = "trainer.precision"


@dataclass(frozen=True)
class Advice:
    """One thing to try.

    Attributes:
        changes: dotted keys of the config, for `jobs.control.retry`.
        resume: whether it goes on with the same run (`jobs.control.resume`) instead of making a new one.
    """

    label: str
    help: str
    changes: dict[str, Any] = field(default_factory=dict)
    resume: bool = False


def what_to_try(run: RunDetail) -> list[Advice]:
    """The most promising first; nothing for a run that is at work or finished."""
    if run.state not in RESUMABLE:
        return []
    if run.state is RunState.CANCELLED:
        return [Advice("Queue it again", "It never started; it goes to the queue's end.", resume=True)]
    leaves = dict(flatten(run.config))
    by_reason = {
        Reason.OUT_OF_MEMORY: lambda: [*_less_memory(leaves), _again()],
        Reason.NOT_FINITE: lambda: [*_calmer(leaves), *_full_precision(leaves)],
        Reason.DISK_FULL: lambda: [
            _go_on("Make room first: empty the trash, or delete checkpoints on the run's page.")
        ],
        Reason.DATA_ERROR: lambda: [_again("Once the data can be read: the same config from the start.")],
        Reason.CONFIG_ERROR: lambda: [],
        Reason.EXCEPTION: lambda: [_go_on(), _again()],
        Reason.PAUSED: lambda: [_go_on("Where it was paused: weights, optimizer, schedule and data order.")],
    }
    return by_reason.get(run.reason, lambda: [_go_on(), _again()])() if run.reason else [_go_on(), _again()]


def _go_on(why: str = "The same run continues: weights, optimizer, schedule, step and data order.") -> Advice:
    return Advice("Resume from the last checkpoint", why, resume=True)


def _again(why: str = "A new run with the same config, from the start.") -> Advice:
    return Advice("Retry from the start", why)


def _less_memory(leaves: Mapping[str, Any]) -> list[Advice]:
    found = []
    batch = _leaf(leaves, "data.init_args.", _BATCH_NAMES)
    if batch is not None and leaves[batch] >= 2:
        half, steps = leaves[batch] // 2, 2 * int(leaves.get(_ACCUMULATE, 1))
        changes = {batch: half, _ACCUMULATE: steps}
        why = (
            f"Batches of {half} instead of {leaves[batch]}, {steps} of them per optimizer step: about half the memory."
        )
        found.append(Advice("Halve the batch, double the accumulation", why, changes))
    if leaves.get(_PRECISION) == "32-true":
        why = "16-bit activations need about half the memory; bf16 keeps the range of 32 bits."
        found.append(Advice("Use mixed precision (bf16)", why, {_PRECISION: "bf16-mixed"}))
    return found


def _calmer(leaves: Mapping[str, Any]) -> list[Advice]:
    found = []
    rate = _leaf(leaves, "model.init_args.", _RATE_NAMES)
    if rate is not None and leaves[rate] > 0:
        lower = float(f"{leaves[rate] / 10:.3g}")
        found.append(Advice("Lower the learning rate", f"{lower:g} instead of {leaves[rate]:g}.", {rate: lower}))
    if not leaves.get("trainer.gradient_clip_val"):
        why = "A single large gradient can then not throw the weights away (norm 1.0)."
        found.append(Advice("Clip the gradients", why, {"trainer.gradient_clip_val": 1.0}))
    return found


def _full_precision(leaves: Mapping[str, Any]) -> list[Advice]:
    if leaves.get(_PRECISION, "32-true") in ("32-true", "64-true"):
        return []
    why = f"{leaves[_PRECISION]} may overflow; 32 bits rarely do."
    return [Advice("Use full precision", why, {_PRECISION: "32-true"})]


def _leaf(leaves: Mapping[str, Any], beginning: str, names: tuple[str, ...]) -> str | None:
    for name in names:
        value = leaves.get(beginning + name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return beginning + name
    return None

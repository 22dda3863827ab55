"""The config of a run: the shape that LightningCLI users know, as YAML or JSON.

Pages draw the trainer's and the scaling's fields from these models; the fields of ``model`` and ``data`` come from
the constructors' own signatures (`db.modules`). Knows nothing of torch: the training process turns it into objects.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from db import yaml_text

Strategy = Literal["auto", "single", "ddp", "fsdp", "tensor", "fsdp+tensor"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed", "bf16-true", "64-true"]
MOST_PROCESSES = 64  # of one machine; a typing error must not start thousands
MOST_VALUES = 100_000  # of one config
MOST_LEVELS = 50
_SHOWN_CHARACTERS = 200  # of a value that a message repeats


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True)


class ClassConfig(_Part):
    """A class to build and what its constructor gets."""

    class_path: str = Field(description="Import path of the class, such as lightning_modules.text.TextClassifier")
    init_args: dict[str, Any] = Field(default_factory=dict, description="Arguments of the constructor")

    @field_validator("class_path")
    @classmethod
    def _has_a_module(cls, value: str) -> str:
        if not all(part.isidentifier() for part in value.split(".")) or "." not in value:
            raise ValueError("is not an import path; write module.Class, such as lightning_modules.text.TextClassifier")
        return value


class EarlyStopping(_Part):
    """Stop when a metric no longer gets better."""

    monitor: str = Field("val_loss", description="Metric that is watched")
    mode: Literal["min", "max"] = Field("min", description="Whether lower or higher is better")
    patience: Annotated[int, Field(ge=1)] = Field(3, description="Validations without improvement before it stops")
    min_delta: Annotated[float, Field(ge=0)] = Field(0.0, description="Smallest change that counts as better")


class Checkpointing(_Part):
    """Which checkpoints are kept. The last one always is."""

    monitor: str | None = Field("val_loss", description="Metric that chooses the best; empty keeps only the last")
    mode: Literal["min", "max"] = Field("min", description="Whether lower or higher is better")
    save_top_k: Annotated[int, Field(ge=0, le=100)] = Field(2, description="How many of the best are kept")
    every_n_steps: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Also save the last one every so many optimizer steps, beside every epoch's end"
    )


class TrainerConfig(_Part):
    """How long and how carefully the Trainer works."""

    max_epochs: Annotated[int, Field(ge=1, le=1_000_000)] = Field(10, description="Passes over the training split")
    max_steps: Annotated[int, Field(ge=-1)] = Field(-1, description="Optimizer steps at most; -1 for no limit")
    max_minutes: Annotated[float, Field(gt=0)] | None = Field(None, description="Minutes at most; empty for no limit")
    precision: Precision = Field("32-true", description="Number format; mixed keeps the weights in 32 bits")
    accumulate_grad_batches: Annotated[int, Field(ge=1)] = Field(
        1, description="Batches whose gradients are added before one optimizer step"
    )
    gradient_clip_val: Annotated[float, Field(ge=0)] | None = Field(
        None, description="Largest norm of the gradients; empty for no clipping"
    )
    early_stopping: EarlyStopping | None = Field(None, description="Stop when a metric no longer gets better")
    checkpoint: Checkpointing = Field(
        default_factory=Checkpointing,  # type: ignore[arg-type]
        description="Which checkpoints are kept",
    )
    test_after_fit: bool = Field(True, description="Measure the best checkpoint on the test split at the end")
    deterministic: bool = Field(True, description="Same seed, same result; some operations are slower")
    val_check_interval: Annotated[float, Field(gt=0)] = Field(
        1.0, description="Validate after this share of an epoch (at most 1), or after so many batches (above 1)"
    )
    log_every_n_steps: Annotated[int, Field(ge=1)] = Field(1, description="Record step metrics every so many steps")
    limit_train_batches: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Use only this share (at most 1) or number of training batches"
    )
    limit_val_batches: Annotated[float, Field(ge=0)] | None = Field(
        None, description="Use only this share (at most 1) or number of validation batches"
    )
    detect_anomaly: bool = Field(False, description="Find the operation that makes NaN; slow")
    stop_on_nan: bool = Field(True, description="End the run when the loss is not a finite number")


class ScalingConfig(_Part):
    """On what the run is trained."""

    strategy: Strategy = Field("auto", description="How the work is shared between processes")
    accelerator: Literal["auto", "cpu", "gpu"] = Field("auto", description="Kind of processor; auto takes a free GPU")
    devices: Literal["auto"] | Annotated[int, Field(ge=1, le=MOST_PROCESSES)] | list[int] = Field(
        "auto", description="How many processors, or the numbers of the GPUs"
    )
    tensor_parallel_size: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        "auto", description="Processes that share one layer (tensor parallel)"
    )
    nodes: Annotated[int, Field(ge=1, le=1)] = Field(1, description="Machines")
    engine: Literal["local"] = Field("local", description="Who starts the processes")

    @property
    def process_count(self) -> int | None:
        """Processes asked for, or None for "auto"."""
        if self.devices == "auto":
            return None
        return self.devices if isinstance(self.devices, int) else len(self.devices)

    @model_validator(mode="after")
    def _fits_together(self) -> "ScalingConfig":
        count = self.process_count
        if isinstance(self.devices, list) and (not self.devices or len(set(self.devices)) != len(self.devices)):
            raise ValueError("devices: name each GPU once, at least one")
        if self.strategy == "single" and count is not None and count > 1:
            raise ValueError(f"devices: a single process cannot use {count}; choose ddp or fsdp, or 1 device")
        if self.strategy in ("tensor", "fsdp+tensor"):
            raise ValueError("strategy: tensor parallel is not offered yet; choose single, ddp or fsdp")
        return self


class RunConfig(_Part):
    """Everything that a run is made from."""

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = Field(42, description="Start of every random number")
    model: ClassConfig
    data: ClassConfig
    trainer: TrainerConfig = Field(default_factory=TrainerConfig)  # type: ignore[arg-type]
    scaling: ScalingConfig = Field(default_factory=ScalingConfig)  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as stored in the run's row."""
        return self.model_dump(mode="json")

    def to_yaml(self) -> str:
        """The same YAML runs without the dashboard: ``python -m training FILE``."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)


class ConfigError(ValueError):
    """A config that cannot be used; ``problems`` says where and what to do.

    Attributes:
        problems: (path such as "trainer.max_epochs", message for a person) for each fault.
    """

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        super().__init__("\n".join(f"{path}: {message}" if path else message for path, message in problems))


def read_config(values: Mapping[str, Any]) -> RunConfig:
    """A checked config from plain values.

    Raises:
        ConfigError: with every fault and its path.
    """
    if refused := _too_much(values):
        raise ConfigError([("", refused)])
    try:
        return RunConfig.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigError([_problem(detail) for detail in error.errors()]) from None


def read_yaml(text: str) -> RunConfig:
    """A checked config from YAML (or JSON).

    Raises:
        ConfigError: when the text is no YAML mapping, or its values do not fit.
    """
    try:
        values = yaml_text.load(text)
    except yaml_text.YamlError as error:
        raise ConfigError([("", f"The text cannot be read: {error}.")]) from None
    if not isinstance(values, dict):
        raise ConfigError([("", "A config is a mapping with the keys seed, model, data, trainer, scaling.")])
    return read_config(values)


def _too_much(values: Mapping[str, Any]) -> str:
    """Why a config is not even looked at: parts that hold themselves, or each other many times, have no end."""
    waiting: list[tuple[Any, int]] = [(values, 0)]
    seen = 0
    while waiting:
        one, level = waiting.pop()
        seen += 1
        if level > MOST_LEVELS:
            return f"The config is nested more than {MOST_LEVELS} levels deep."
        if seen > MOST_VALUES:
            return f"The config holds more than {MOST_VALUES:,} values; keep data in a file."
        below = one.values() if isinstance(one, Mapping) else one if isinstance(one, list | tuple | set) else ()
        waiting += [(part, level + 1) for part in below]
    return ""


def _problem(detail: Any) -> tuple[str, str]:
    hidden = ("literal[", "constrained-", "list[", "function-")  # pydantic's names for the branches of a union
    path = ".".join(str(part) for part in detail["loc"] if not str(part).startswith(hidden))
    given = detail.get("input")
    message = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "missing":
        return path, "is missing"
    if detail["type"] == "extra_forbidden":
        return path, "is not a setting that exists; check the spelling"
    return path, message if isinstance(given, dict) else f"{message} (given: {_shown(given)})"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"

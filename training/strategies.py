"""How the processes of a run share the work: one alone, DDP, or FSDP as fully sharded data parallel 2.

The processes are made outside (`prepare_environment` tells Lightning so). FSDP goes through Lightning's
`ModelParallelStrategy`, which also works between CPU processes over gloo.
"""

import os
import types
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy, ModelParallelStrategy, Strategy
from pytorch_lightning.utilities.model_helpers import is_overridden
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method

from db.run_config import ScalingConfig

_STEPS = ("training_step", "validation_step", "test_step", "predict_step")


def prepare_environment(rank: int, world_size: int, master_port: int) -> None:
    """Tell Lightning and torch.distributed who this process is; call it before the Trainer is made."""
    os.environ.update(
        LOCAL_RANK=str(rank),
        RANK=str(rank),
        NODE_RANK="0",
        WORLD_SIZE=str(world_size),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(master_port),
    )
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdigit() and int(threads) > 0:
        torch.set_num_threads(int(threads))  # a fork does not read the variable again


def choose_devices(scaling: ScalingConfig) -> tuple[list[str], int]:
    """(names of the processors, number of processes): what "auto" means on this machine."""
    gpus = torch.cuda.device_count() if scaling.accelerator != "cpu" else 0
    if not gpus and scaling.accelerator == "gpu":
        raise SystemExit("This machine has no GPU that torch can use; choose accelerator cpu.")
    count = scaling.process_count or (1 if scaling.strategy in ("auto", "single") else gpus or 2)
    if not gpus:
        return ["cpu"], count
    numbers = scaling.devices if isinstance(scaling.devices, list) else range(count)
    if max(numbers) >= gpus:
        raise SystemExit(f"This machine has {gpus} GPUs; the config asks for number {max(numbers)}.")
    return [f"cuda:{number}" for number in numbers], count


def choose_accelerator(scaling: ScalingConfig) -> str:
    """ "gpu" or "cpu": "auto" takes the GPUs that the run was given, if any."""
    if scaling.accelerator != "auto":
        return scaling.accelerator
    return "gpu" if torch.cuda.is_available() else "cpu"


def choose_strategy(scaling: ScalingConfig, world_size: int) -> Strategy | str:
    """The strategy for so many processes; "auto" means DDP as soon as there is more than one."""
    if scaling.strategy == "fsdp":
        return ShardedStrategy(world_size)
    if scaling.strategy == "ddp" or world_size > 1:
        return DDPStrategy(gradient_as_bucket_view=True)
    return "auto"


class ShardedStrategy(ModelParallelStrategy):
    """FSDP2 over all processes; a checkpoint is one whole file."""

    def __init__(self, world_size: int) -> None:
        super().__init__(data_parallel_size=world_size, tensor_parallel_size=1, save_distributed_checkpoint=False)

    def connect(self, model: pl.LightningModule) -> None:
        """Take a model: after its own ``configure_model`` it is sharded."""
        if not hasattr(model, "bancada_configures"):
            original = model.configure_model
            model.bancada_configures = original  # type: ignore[assignment]

            def configure_and_shard(self: pl.LightningModule) -> None:
                original()
                shard(self, self.device_mesh["data_parallel"])  # type: ignore[index]

            model.configure_model = types.MethodType(configure_and_shard, model)  # type: ignore[method-assign]
        super().connect(model)

    def load_checkpoint(self, checkpoint_path: Any, weights_only: bool | None = None) -> dict[str, Any]:
        """Read the whole file; every process takes its own shards."""
        del weights_only
        from torch.distributed.checkpoint.state_dict import (
            StateDictOptions,
            set_model_state_dict,
            set_optimizer_state_dict,
        )
        from torch.distributed.fsdp import FullyShardedDataParallel, OptimStateKeyType

        assert self.model is not None
        assert self.lightning_module is not None
        path = Path(self.broadcast(checkpoint_path))
        checkpoint: dict[str, Any] = torch.load(path, mmap=True, map_location="cpu", weights_only=True)
        options = StateDictOptions(full_state_dict=True, strict=self.lightning_module.strict_loading)
        set_model_state_dict(self.model, checkpoint.pop("state_dict"), options=options)
        for optimizer, state in zip(self.optimizers, checkpoint.get("optimizer_states", ()), strict=False):
            if not state["state"]:
                continue  # plain SGD remembers nothing
            named = FullyShardedDataParallel.rekey_optim_state_dict(state, OptimStateKeyType.PARAM_NAME, self.model)
            set_optimizer_state_dict(self.model, optimizer, optim_state_dict=named, options=options)
        return checkpoint


def shard(model: pl.LightningModule, mesh: Any) -> None:
    """Spread a model over the processes: its ``shard_blocks()`` one by one, then the rest; a second call does nothing.

    A module that knows nothing of Bancada is sharded as a whole, and its steps gather the weights.
    """
    if isinstance(model, FSDPModule):
        return
    blocks = getattr(model, "shard_blocks", None)
    for block in blocks() if callable(blocks) else ():
        fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)
    for step in _STEPS:
        if not callable(blocks) and is_overridden(step, model):
            register_fsdp_forward_method(model, step)

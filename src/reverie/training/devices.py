"""Where training runs: one process, or those that torchrun started."""

import os
import platform
import warnings
from typing import Any

import torch
from lightning_fabric import Fabric

from reverie import __version__


def launch() -> Fabric:
    """Joins the processes that torchrun started, else stands alone, on the best device there is."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Fabric's advice on sharding samplers that reverie does not use
        fabric = Fabric(accelerator="auto", devices=world, strategy="ddp") if world > 1 else Fabric(devices=1)
        fabric.launch()
    return fabric


def environment(fabric: Fabric) -> dict[str, Any]:
    """What bit-for-bit resuming depends on."""
    return {
        "reverie": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
        "device": str(fabric.device),
        "threads": torch.get_num_threads(),
        "processes": fabric.world_size,
    }

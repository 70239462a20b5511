"""Where training runs: one process, or those that torchrun started."""

import logging
import os
import platform
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning_fabric import Fabric

from reverie import __version__


def launch() -> Fabric:
    """Joins the processes that torchrun started, else stands alone, on the best device there is."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else a GPU's matrix products have no fixed order
    world = int(os.environ.get("WORLD_SIZE", "1"))
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # its advice on the precision of matrix products
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Fabric's advice on sharding samplers that reverie does not use
        fabric = Fabric(accelerator="auto", devices=world, strategy="ddp") if world > 1 else Fabric(devices=1)
        fabric.launch()
    return fabric


@contextmanager
def in_order(device: torch.device, say: Callable[[str], None]) -> Iterator[None]:
    """On a GPU, sums are added up in the same order each time, so that a run that was cut goes on bit for bit. What the
    device can't compute so is said, once each."""
    if device.type == "cpu":
        yield
        return
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    said: set[str] = set()
    with warnings.catch_warnings():
        warnings.filterwarnings("default", ".*deterministic")  # the command line shows no others
        usual = warnings.showwarning

        def told(message: Warning | str, *where: Any, **more: Any) -> None:
            name = str(message).split()[0]
            if "deterministic" not in str(message):
                usual(message, *where, **more)
            elif name not in said:
                said.add(name)
                say(f"note: this device adds up {name} in no fixed order: a run that was cut goes on, not bit for bit")

        warnings.showwarning = told
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(False)


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

"""Mixed precision: a network's matrix products and convolutions in bfloat16, weights, losses and sums in float32.
Micikevicius et al. 2018, arXiv:1710.03740; with bfloat16, whose range is float32's, no loss has to be scaled: Kalamkar
et al. 2019, arXiv:1905.12322."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from reverie.errors import Problem
from reverie.spec import PRECISIONS

ON_PROCESSORS = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # of torch.cpu


def has_units(device: torch.device) -> bool:
    """Whether it multiplies bfloat16 faster than float32. Processors without such units do it 5 to 200 times slower."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return any(getattr(torch.cpu, name, bool)() for name in ON_PROCESSORS)
    return False


def settled(asked: str, device: torch.device) -> str:
    """float32 or bf16, which `auto` is where the device has units for it. Raises Problem for bf16 where it has none."""
    if asked not in PRECISIONS:
        raise Problem(f"--precision {asked}: there are {', '.join(PRECISIONS)}")
    if asked == "bf16" and not has_units(device):
        raise Problem(f"--precision bf16: this {device.type} has no units for it and would be slower. Pass auto")
    return "bf16" if asked != "float32" and has_units(device) else "float32"


@contextmanager
def mixed(model: nn.Module, precision: str, device: torch.device) -> Iterator[None]:
    """Inside, the model's networks pass forward in that precision, and say what they say in float32: so a loss is
    written once, and computed as exactly as ever."""
    if precision == "float32":
        yield
        return
    within: list[ExitStack] = []

    def enter(network: nn.Module, args: Any) -> None:
        within.append(ExitStack())
        within[-1].enter_context(torch.autocast(device.type, torch.bfloat16))

    def leave(network: nn.Module, args: Any, said: Any) -> Any:
        within.pop().close()
        return widened(said)

    with ExitStack() as hooks:
        for network in networks(model):
            hooks.callback(network.register_forward_pre_hook(enter).remove)
            hooks.callback(network.register_forward_hook(leave, always_call=True).remove)
        yield


def networks(model: nn.Module) -> Iterator[nn.Module]:
    """The outermost modules that are called and that learn; a list of modules is not called, those in it are."""
    for part in model.children():
        if isinstance(part, nn.ModuleList | nn.ModuleDict):
            yield from networks(part)
        elif next(part.parameters(), None) is not None:
            yield part


def widened(said: Any) -> Any:
    """bfloat16 as float32, all else as it is."""
    if isinstance(said, Tensor):
        return said.float() if said.dtype == torch.bfloat16 else said
    if isinstance(said, dict):
        return {k: widened(v) for k, v in said.items()}
    if isinstance(said, tuple) and hasattr(said, "_fields"):
        return type(said)(*map(widened, said))
    return type(said)(map(widened, said)) if isinstance(said, list | tuple) else said

"""Log-mel spectrograms: a sound as a picture of what is heard. Davis & Mermelstein 1980, "Comparison of Parametric
Representations for Monosyllabic Word Recognition in Continuously Spoken Sentences", IEEE Trans. ASSP 28(4)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

LOWEST, DEEPEST = 1e-6, 1e-12  # power added before the logarithm; variance below which an item is constant


def to_mel(hertz: Tensor) -> Tensor:
    """m = 2595 log10(1 + f / 700), O'Shaughnessy 1987, "Speech Communication" (the form that HTK uses)."""
    return 2595 * torch.log10(1 + hertz / 700)


def to_hertz(mel: Tensor) -> Tensor:
    return 700 * (10 ** (mel / 2595) - 1)


def filterbank(rate: int, bins: int, mels: int) -> Float[Tensor, "m f"]:
    """Triangles of height 1 over frequencies 0 to rate / 2, their corners evenly spaced in mel: they sum to 1 between
    the first and the last centre. float64."""
    frequency = torch.linspace(0, rate / 2, bins, dtype=torch.float64)
    top = to_mel(torch.tensor(rate / 2, dtype=torch.float64))
    corners = to_hertz(torch.linspace(0, 1, mels + 2, dtype=torch.float64) * top)
    low, centre, high = (corners[k : mels + k, None] for k in range(3))
    rising, falling = (frequency - low) / (centre - low), (high - frequency) / (high - centre)
    return torch.minimum(rising, falling).clamp(min=0)


class LogMel(nn.Module):
    """(B, T) of samples -> (B, mels, frames): log(mel energies + floor), each item standardised over its own frames.

    The power spectrum of Hann windows `window` seconds long and `hop` apart, divided by the sum of the window's
    squares, goes through `filterbank`. Frame k is centred at sample k · hop, silence beyond both ends: T // hop + 1
    frames. Of an item of n samples, frames 0 … n // hop count; later ones are log(floor) before standardisation and 0
    after it, so padding says nothing. No parameters. Raises ValueError."""

    window: Tensor
    filters: Tensor

    def __init__(self, rate: int, mels: int = 64, window: float = 0.025, hop: float = 0.01, standardise: bool = True):
        super().__init__()
        self.wide, self.hop, self.standardise = round(window * rate), round(hop * rate), standardise
        if self.wide < 4 or self.hop < 1 or mels < 1:
            raise ValueError(f"rate {rate}, {mels} mels, window {window} s, hop {hop} s: fewer than 4 samples a window")
        self.transform = 1 << (self.wide - 1).bit_length()
        with torch.device("cpu"):  # its values are looked at, also where a model is only counted
            filters = filterbank(rate, self.transform // 2 + 1, mels)
        empty = int((filters.sum(1) == 0).sum())
        if empty:
            raise ValueError(f"{mels} mels: {empty} of them hold no frequency. Take fewer, or a longer window")
        self.register_buffer("window", torch.hann_window(self.wide), persistent=False)
        self.register_buffer("filters", filters.float(), persistent=False)

    def forward(self, x: Float[Tensor, "b t"], lengths: Int[Tensor, " b"] | None = None) -> Float[Tensor, "b m k"]:
        spectrum = torch.stft(
            x, self.transform, self.hop, self.wide, self.window, center=True, pad_mode="constant", return_complex=True
        )
        power = (spectrum.real.square() + spectrum.imag.square()) / self.window.square().sum()
        energy = torch.einsum("mf,bfk->bmk", self.filters, power)
        frame = torch.arange(energy.shape[2], device=x.device)
        last = torch.full_like(frame[:1], x.shape[1] // self.hop) if lengths is None else lengths // self.hop
        there = (frame <= last[:, None])[:, None].to(x.dtype)  # (B or 1, 1, frames)
        y = torch.log(energy * there + LOWEST)
        return self.standardised(y, there.expand(x.shape[0], -1, -1)) if self.standardise else y

    def standardised(self, y: Float[Tensor, "b m k"], there: Float[Tensor, "b 1 k"]) -> Float[Tensor, "b m k"]:
        """Mean 0 and deviation 1 over all bands and the frames that count; 0 in the others."""
        count = there.sum((1, 2), keepdim=True) * y.shape[1]
        centred = (y - (y * there).sum((1, 2), keepdim=True) / count) * there
        variance = centred.square().sum((1, 2), keepdim=True) / count
        return centred * (variance + DEEPEST).rsqrt()

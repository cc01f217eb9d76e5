"""What no program on a GPU can be quicker than: its arithmetic, and its traffic with the memory.

    arithmetic limit = Σ flops in a precision / the GPU's peak in that precision
    memory limit     = bytes that must move at least / the GPU's bandwidth

Only the matrix products count as arithmetic: two flops for each multiplication and addition. Bytes that must move are those of
the arguments, each read once, and of the results, each written once, as if all that lies between stayed on the chip. So both
are limits from below, and the share of one, limit / time, is at most 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

HALF = ("fp16", "bf16")


class Peaks(NamedTuple):
    """A GPU's dense rates: TFLOP/s of strict float32, of TF32 and of 16-bit tensor cores; TB/s of its memory."""

    fp32: float
    tf32: float
    half: float
    memory: float
    source: str

    def flops(self, precision: str) -> float:
        """FLOP/s of products in "fp32", "tf32", "fp16" or "bf16"."""
        return 1e12 * (self.half if precision in HALF else getattr(self, precision))


# NVIDIA's data sheets. What they state "with sparsity" is halved; rates are those of the boost clock.
PEAKS = {
    "NVIDIA A100-SXM4-40GB": Peaks(19.5, 156, 312, 1.555, "NVIDIA A100 data sheet"),
    "NVIDIA A100-PCIE-40GB": Peaks(19.5, 156, 312, 1.555, "NVIDIA A100 data sheet"),
    "NVIDIA A100-SXM4-80GB": Peaks(19.5, 156, 312, 2.039, "NVIDIA A100 data sheet"),
    "NVIDIA A100 80GB PCIe": Peaks(19.5, 156, 312, 1.935, "NVIDIA A100 data sheet"),
    "NVIDIA H100 80GB HBM3": Peaks(67, 494.5, 989.5, 3.35, "NVIDIA H100 data sheet, SXM"),
    "NVIDIA H100 PCIe": Peaks(51, 378, 756.5, 2.0, "NVIDIA H100 data sheet, PCIe"),
    "NVIDIA H200": Peaks(67, 494.5, 989.5, 4.8, "NVIDIA H200 data sheet, SXM"),
}
"""By the name that the driver gives the GPU. Where a GPU is not here, nothing is said about limits."""


class Work(NamedTuple):
    """What a call must do: flops by precision, and bytes that must move."""

    flops: Mapping[str, float]
    bytes: float


class Limits(NamedTuple):
    """Seconds that a call needs at least, by its arithmetic and by its traffic."""

    arithmetic: float
    memory: float

    @property
    def floor(self) -> float:
        """The larger of both."""
        return max(self)

    def shares(self, seconds: float) -> dict[str, float]:
        """Limit / time for both."""
        return {"arithmetic": self.arithmetic / seconds, "memory": self.memory / seconds}


def limits(work: Work, peaks: Peaks) -> Limits:
    """The limits of some work on a GPU."""
    arithmetic = sum(flops / peaks.flops(precision) for precision, flops in work.flops.items())
    return Limits(arithmetic, work.bytes / (1e12 * peaks.memory))


def layer_work(gates: int, T: int, B: int, I: int, H: int, precision: str, itemsize: int, backward: bool) -> Work:
    """The work of a recurrent layer of g gates.

    Forward, W_ih x_t and W_hh h_{t−1}: 2 B g H (I + H) flops a step; x and the weights are read, y is written. With the
    backward pass three times as many flops, for it has two products for each of those, one for the argument and one for the
    weight; and twice as many bytes: dy is read, dx and dW are written.
    """
    flops = 2 * T * B * gates * H * (I + H)
    weights = gates * H * (I + H + 2)
    elements = T * B * (I + H) + weights
    if backward:
        flops, elements = 3 * flops, 2 * elements
    return Work({precision: flops}, elements * itemsize)


def seed_work(V: int, T: int, B: int, I: int, H: int, precision: str) -> Work:
    """The work of a training step: embedding (V, I), LSTM, Linear (H → V), cross-entropy, Adam; all but the LSTM in float32.

    The embedding has no products. θ and Adam's two moments are read and written: 6 numbers for each parameter.
    """
    lstm, linear = layer_work(4, T, B, I, H, precision, 4, True).flops[precision], 3 * 2 * T * B * H * V
    parameters = V * I + 4 * H * (I + H + 2) + V * (H + 1)
    flops = {precision: lstm}
    flops["fp32"] = flops.get("fp32", 0) + linear
    return Work(flops, 6 * 4 * parameters)

"""What can be watched while training goes on: what clipping did, and how many gates are saturated."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import minigrad
from minigrad import Tensor, no_grad
from minigrad.arrays import Device

from ..utils.clip_grad import clip_grad_norm_
from .steps import Steps

SIGMOIDS = ("i", "f", "o", "r", "z")
"""The gates whose activation lies between 0 and 1."""


class Clipping:
    """Clips like `clip_grad_norm_`, and keeps what it did: call it once every training step, in the other's place.

        clip = Clipping(max_norm=1.0)
        for x, target in batches:
            ...
            loss.backward()
            clip(model.parameters())
            optimizer.step()
        clip.fraction, clip.steps, clip.before, clip.after

    Norms stay on the gradients' device until they are asked for: clipping never waits.

    Args:
        max_norm: θ.
        norm_type: p of the p-norm.
        error_if_nonfinite: whether a norm that is nan or inf is an error. Asking costs a wait for the device.
    """

    def __init__(self, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False) -> None:
        self.max_norm, self.norm_type, self.error_if_nonfinite = float(max_norm), float(norm_type), error_if_nonfinite
        self._norms: list[Tensor] = []

    def __call__(self, parameters: Tensor | Iterable[Tensor]) -> Tensor:
        """Clip; return the total norm before, a 0-d Tensor.

        Raises:
            RuntimeError: the norm is nan or inf and `error_if_nonfinite` is set.
        """
        norm = clip_grad_norm_(parameters, self.max_norm, self.norm_type, self.error_if_nonfinite)
        self._norms.append(norm)
        return norm

    def __len__(self) -> int:
        """Return how often it was called."""
        return len(self._norms)

    @property
    @no_grad
    def before(self) -> Tensor:
        """The norm ‖g‖ before clipping at every call, (n,) in float64."""
        if not self._norms:
            return minigrad.zeros(0, dtype=minigrad.float64)
        cpu = Device("cpu")
        return minigrad.stack([norm.to(cpu, minigrad.float64) for norm in self._norms])

    @property
    @no_grad
    def after(self) -> Tensor:
        """The norm after clipping, ‖g‖ · min(1, θ / (‖g‖ + 10⁻⁶)), (n,): what `clip_grad_norm_` leaves, up to rounding."""
        return self.before * (self.max_norm / (self.before + 1e-6)).clamp(max=1)

    @property
    def clipped(self) -> Tensor:
        """Whether each call clipped, (n,) of bool: where θ / (‖g‖ + 10⁻⁶) < 1. A norm that is nan or inf counts."""
        return ~(self.before + 1e-6 <= self.max_norm)

    @property
    def steps(self) -> list[int]:
        """The calls that clipped, counted from 0."""
        return [step for step, clipped in enumerate(self.clipped.tolist()) if clipped]

    @property
    def fraction(self) -> float:
        """How often it clipped: the share of calls, between 0 and 1; nan before the first."""
        return len(self.steps) / len(self) if len(self) else float("nan")

    def __repr__(self) -> str:
        if not len(self):
            return f"<Clipping at norm {self.max_norm:g}, not called yet>"
        norms = self.before
        return (
            f"<Clipping at norm {self.max_norm:g}: {len(self.steps)} of {len(self)} steps clipped, "
            f"norm before {float(norms.median()):.3g} (median), {float(norms.max()):.3g} (largest)>"
        )


class Saturation(NamedTuple):
    """The share of the steps of all sequences at which each unit of a gate is saturated, (H,) each."""

    left: Tensor  # below the lower threshold: the gate is shut
    right: Tensor  # above the upper one: it is open


@no_grad
def saturation(steps: Steps, low: float = 0.1, high: float = 0.9) -> dict[str, Saturation]:
    """Return how often each unit of each sigmoid gate is left- and right-saturated (Karpathy et al. 2015, section 4.2).

    Args:
        steps: of an LSTM or GRU, `trace[0]`. Padded steps are not counted.
        low: a gate below it is left-saturated.
        high: a gate above it is right-saturated.

    Raises:
        ValueError: the cell has no sigmoid gates.
    """
    gates = {name: gate for name, gate in steps.gates.items() if name in SIGMOIDS}
    if not gates:
        raise ValueError(f"{steps!r} has no sigmoid gates that could saturate: an LSTM or a GRU has")
    valid = steps.valid.unsqueeze(-1)
    count = valid.sum()

    def share(where: Tensor) -> Tensor:
        return (where & valid).sum((0, 1)) / count

    return {name: Saturation(share(gate < low), share(gate > high)) for name, gate in gates.items()}

"""The training loop: clipped gradient descent that logs what it did."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from layers.utils import clip_grad_norm_
from minigrad import Tensor
from minigrad.optim import Optimizer

from .record import Record


def train(
    loss: Callable[[], Tensor],
    parameters: Iterable[Tensor],
    optimizer: Optimizer,
    *,
    updates: int,
    max_norm: float,
    record: Record,
    **labels: Any,
) -> None:
    """Make `updates` steps down `loss`, the global gradient norm clipped to `max_norm` (Pascanu et al. 2013, §3.2).

    Each update logs its loss and its norm before clipping, with `labels`. A norm that is not finite skips the step:
    there is no direction in it.
    """
    parameters = list(parameters)
    for update in range(1, updates + 1):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        norm = float(clip_grad_norm_(parameters, max_norm))
        if math.isfinite(norm):
            optimizer.step()
        record.metric(**labels, update=update, loss=value.item(), grad_norm=norm, skipped=not math.isfinite(norm))

"""The task of the last two scripts: to say a sequence of digits backwards."""

from __future__ import annotations

from typing import NamedTuple

import layers as nn
import layers.functional as F
import minigrad as torch
from layers.seq2seq import Seq2Seq
from minigrad import optim

DIGITS, BEGIN = 10, 10
VOCABULARY = DIGITS + 1  # the digits, and the id that begins an answer


class Batch(NamedTuple):
    """B sequences of S digits; ids, (S, B) each."""

    source: torch.Tensor
    target_in: torch.Tensor  # what the decoder reads: BEGIN, then the answer less its last digit
    target_out: torch.Tensor  # what it is to say: the source backwards


def batch(B: int, S: int) -> Batch:
    """Draw a batch."""
    source = torch.randint(0, DIGITS, (S, B))
    answer = source.flip(0)
    return Batch(source, torch.cat([torch.full((1, B), BEGIN), answer[:-1]]), answer)


def train(model: Seq2Seq, S: int, updates: int, B: int = 64, lr: float = 0.01) -> list[float]:
    """Train with teacher forcing on new sequences at every update; return the losses."""
    optimizer, losses = optim.Adam(model.parameters(), lr=lr), []
    for _ in range(updates):
        drawn = batch(B, S)
        z = model(drawn.source, None, drawn.target_in)  # (S, B, V)
        loss = F.cross_entropy(z.flatten(0, 1), drawn.target_out.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(float(loss))
    return losses


def right(model: Seq2Seq, drawn: Batch) -> torch.Tensor:
    """Return the share of right digits at each place, (S,), reading the target."""
    with torch.no_grad():
        said = model(drawn.source, None, drawn.target_in).argmax(-1)
        return (said == drawn.target_out).float().mean(1)

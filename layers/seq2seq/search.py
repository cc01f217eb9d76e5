"""From a decoder to sequences of ids, one at a time: greedy, and drawn with temperature, top-k and nucleus sampling.

With z the scores of the next id, an id is drawn from softmax(z / τ) after ids have been struck out:

    top-k      all but the k likeliest                                                (Fan et al. 2018)
    nucleus    all but the fewest whose probabilities sum to p or more                (Holtzman et al. 2020)

beam.py keeps several sequences at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import minigrad
from minigrad import Tensor
from minigrad.random import Generator

from .decoder import State, StepwiseDecoder

Choose = Callable[[Tensor], Tensor]
"""Scores (B, V) -> ids (B,)."""


class Found(NamedTuple):
    """Sequences found for a batch."""

    ids: Tensor  # (T, B), the padding id behind the end of each sequence
    lengths: Tensor  # (B,), without the ids that begin and end it
    scores: Tensor  # (B,), Σ_t ln p(y_t | y_1 … y_{t−1}, x), that of the end included
    alignments: Tensor | None  # the attention's weights, (T, B, S); None without one

    def sequences(self) -> list[list[int]]:
        """Return the ids of each sequence, without its end."""
        return [row[:n] for row, n in zip(self.ids.t().tolist(), self.lengths.tolist())]


def greedy(decoder: StepwiseDecoder, state: State, *, begin: int, end: int, max_length: int, padding: int = 0) -> Found:
    """Return the sequences that take the likeliest id at every step (arguments and errors: `search`)."""
    return search(decoder, state, _likeliest, begin=begin, end=end, max_length=max_length, padding=padding)


def sample(
    decoder: StepwiseDecoder,
    state: State,
    *,
    begin: int,
    end: int,
    max_length: int,
    padding: int = 0,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float = 1.0,
    generator: Generator | None = None,
) -> Found:
    """Return sequences drawn from the decoder (arguments and errors, beside those below: `search`).

    Args:
        temperature: τ; below 1 likely ids become likelier.
        top_k: how many ids are left at each step; None: all.
        top_p: p of nucleus sampling; 1 strikes out nothing.
        generator: what to draw from; by default minigrad's.

    Raises:
        ValueError: τ ≤ 0, top_k < 1, or top_p is not in (0, 1].
    """
    if temperature <= 0:
        raise ValueError(f"temperature should be greater than 0, but got {temperature}; `greedy` is the limit at 0")

    def choose(z: Tensor) -> Tensor:
        z = z / temperature
        z = z if top_k is None else keep_top_k(z, top_k)
        z = keep_nucleus(z, top_p)
        return minigrad.multinomial(z.softmax(1), 1, generator=generator).squeeze(1)

    return search(decoder, state, choose, begin=begin, end=end, max_length=max_length, padding=padding)


@minigrad.no_grad
def search(
    decoder: StepwiseDecoder,
    state: State,
    choose: Choose,
    *,
    begin: int,
    end: int,
    max_length: int,
    padding: int = 0,
) -> Found:
    """Take an id at every step until all sequences have ended. Put the model into evaluation mode first.

    Args:
        decoder: of a Seq2Seq or a LanguageModel.
        state: from which it starts, `model.start(…)`.
        choose: which id follows.
        begin: the id it reads first.
        end: the id that ends a sequence.
        max_length: after so many ids a sequence ends anyway.
        padding: the id behind the end.

    Raises:
        ValueError: max_length < 1.
    """
    _check_length(max_length)
    like = state.states[0]
    B = like.shape[1]
    now = minigrad.full((B,), begin, device=like.device)
    going = minigrad.ones(B, dtype=minigrad.bool, device=like.device)
    total = minigrad.zeros(B, dtype=like.dtype, device=like.device)
    lengths = minigrad.zeros(B, dtype=minigrad.int64, device=like.device)
    taken, alignments = [], []
    for _ in range(max_length):
        z, state, weights = decoder.step(now, state)
        now = choose(z)
        log_p = z.log_softmax(1).gather(1, now.unsqueeze(1)).squeeze(1)
        total = total + minigrad.where(going, log_p, 0.0)
        now = minigrad.where(going, now, padding)
        taken.append(now)
        alignments.append(weights)
        going = going & (now != end)
        lengths = lengths + going.to(minigrad.int64)
        if not bool(going.any()):
            break
    maps = [a for a in alignments if a is not None]
    return Found(minigrad.stack(taken), lengths, total, minigrad.stack(maps) if maps else None)


def keep_top_k(z: Tensor, k: int) -> Tensor:
    """Return scores (B, V) with all but the k largest of each row at −∞; all of them where k ≥ V.

    Raises:
        ValueError: k < 1.
    """
    if k < 1:
        raise ValueError(f"top_k should be at least 1, but got {k}")
    if k >= z.shape[1]:
        return z
    _, ids = z.topk(k, 1)
    left = minigrad.zeros(*z.shape, dtype=minigrad.bool, device=z.device).scatter_(1, ids, True)
    return minigrad.where(left, z, float("-inf"))


def keep_nucleus(z: Tensor, p: float) -> Tensor:
    """Return scores (B, V) with all at −∞ but the fewest of each row, likeliest first, whose probabilities sum to p or more.

    Raises:
        ValueError: p is not in (0, 1].
    """
    if not 0 < p <= 1:
        raise ValueError(f"top_p should be in (0, 1], but got {p}")
    if p == 1:
        return z
    likeliest, ids = z.softmax(1).sort(1, descending=True)
    before = likeliest.cumsum(1) - likeliest  # the probability of all that come before
    left = minigrad.zeros(*z.shape, dtype=minigrad.bool, device=z.device).scatter_(1, ids, before < p)
    return minigrad.where(left, z, float("-inf"))


def _likeliest(z: Tensor) -> Tensor:
    return z.argmax(1)


def _check_length(max_length: int) -> None:
    if max_length < 1:
        raise ValueError(f"max_length should be at least 1, but got {max_length}")

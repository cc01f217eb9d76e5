"""Beam search: keep the k likeliest beginnings of a sequence, not one (Graves 2012; Sutskever et al. 2014, section 3.2).

A beginning that ends leaves the beam for good and takes its place with it: the k sequences of a source are found when k have
ended. With k = 1 this is greedy search. Sequences that have ended are ranked by

    score(y) = ln p(y | x) / lp(n),    lp(n) = ((5 + n) / 6)^α                          (Wu et al. 2016, section 7)        (1)

with n ids in y, the end counted. α = 0 ranks by probability alone; the larger α, the longer the sequences.
"""

from __future__ import annotations

from typing import NamedTuple

import minigrad
from minigrad import Tensor

from .decoder import State, StepwiseDecoder
from .search import _check_length


class Hypothesis(NamedTuple):
    """A beginning of a sequence, or all of it."""

    ids: tuple[int, ...]  # without what begins it and without its end
    log_p: float  # Σ_t ln p(y_t | …)
    score: float  # (1), once it has ended


class Live(NamedTuple):
    """A beginning in the beam."""

    source: int  # which of the batch it belongs to
    ids: tuple[int, ...]
    log_p: float
    row: int  # of the decoder's state, from which it goes on


def length_penalty(n: int, alpha: float) -> float:
    """Return lp(n) of (1)."""
    return ((5 + n) / 6) ** alpha


@minigrad.no_grad
def beam_search(
    decoder: StepwiseDecoder,
    state: State,
    *,
    begin: int,
    end: int,
    max_length: int,
    beam: int = 4,
    alpha: float = 0.0,
) -> list[list[Hypothesis]]:
    """Return up to `beam` sequences for each source of the batch, the best first. Put the model into evaluation mode first.

    Only beginnings still in a beam are rows of a step, so that sources that are done cost nothing.

    Args:
        decoder: of a Seq2Seq or a LanguageModel.
        state: from which it starts, `model.start(…)`.
        begin: the id it reads first.
        end: the id that ends a sequence.
        max_length: after so many ids a sequence ends anyway; n of (1) counts no end then.
        beam: k.
        alpha: α of (1).

    Raises:
        ValueError: max_length < 1, or beam < 1.
    """
    _check_length(max_length)
    if beam < 1:
        raise ValueError(f"beam should be at least 1, but got {beam}")
    B = state.states[0].shape[1]
    live = [Live(source, (), 0.0, source) for source in range(B)]
    done: list[list[Hypothesis]] = [[] for _ in range(B)]
    at = list(range(B))  # the source that each row of the memory belongs to
    for n in range(1, max_length + 1):
        state, at = _rows(state, live, at)
        last = [beginning.ids[-1] if beginning.ids else begin for beginning in live]
        z, state, _ = decoder.step(minigrad.tensor(last, device=state.states[0].device), state)
        best, live = _continuations(z.log_softmax(1), live, beam), []
        for source, candidates in best.items():
            for candidate in candidates[: beam - len(done[source])]:
                if candidate.ids[-1] == end:
                    score = candidate.log_p / length_penalty(n, alpha)
                    done[source].append(Hypothesis(candidate.ids[:-1], candidate.log_p, score))
                else:
                    live.append(candidate)
        if not live:
            break
    for source, ids, log_p, _ in live:
        done[source].append(Hypothesis(ids, log_p, log_p / length_penalty(max_length, alpha)))
    return [sorted(found, key=lambda hypothesis: -hypothesis.score) for found in done]


def _rows(state: State, live: list[Live], at: list[int]) -> tuple[State, list[int]]:
    """Return the state with a row for each beginning; the memory moves only if its rows are not those of the same sources."""
    rows = [beginning.row for beginning in live]
    sources = [beginning.source for beginning in live]
    if rows == list(range(len(at))):
        return state, sources
    index = minigrad.tensor(rows, device=state.states[0].device)
    return state.select(index, memory=sources != at), sources


def _continuations(log_p: Tensor, live: list[Live], beam: int) -> dict[int, list[Live]]:
    """Return the continuations of each source's beginnings by one id, the likeliest first; impossible ones are left out."""
    k = min(beam, log_p.shape[1])
    values, ids = log_p.topk(k, 1)
    found: dict[int, list[Live]] = {}
    for row, (beginning, some, which) in enumerate(zip(live, values.tolist(), ids.tolist())):
        candidates = found.setdefault(beginning.source, [])
        for value, id in zip(some, which):
            if value > float("-inf"):
                candidates.append(Live(beginning.source, (*beginning.ids, id), beginning.log_p + value, row))
    for candidates in found.values():
        candidates.sort(key=lambda candidate: -candidate.log_p)
    return found

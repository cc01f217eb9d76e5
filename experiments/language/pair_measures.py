"""What a run on pairs keeps of a trained model, as arrays: curves, test scores by length, alignments, the gradient's reach.

The arrays of the model `name` begin with ``NAME_``:

    NAME_train_loss, NAME_val_loss, …       by epoch (E,); NAME_kept_epoch, counted from 1
    NAME_test_loss, NAME_test_accuracy      of a token, the decoder reading the target
    NAME_exact                              which test answers are right to the character (N,)
    NAME_length_bins, NAME_length_counts    the longest source of each bin of lengths (K,), and how many sources it has
    NAME_shortest                           the shortest source
    NAME_exact_by_length                    the share of right answers in each bin (K,)
    NAME_answers                            the answers to the test sources (N,)
    NAME_alignment_I, …_source, …_target    of the I-th drawn test pair: α (T, S), and its tokens (S,), (T,)
    NAME_gradient_map                       ‖∂L_t/∂h_s‖, decoder step × encoder step, of sources and targets of one length each
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import minigrad
from layers import functional as F
from layers.bptt import flow
from layers.seq2seq import Seq2Seq
from minigrad import Tensor

from ..data.pairs import PairBatch, PairData
from ..lab import Arrays, Table
from .pair_decoding import Answer, readable
from .pair_training import PairTrainer, exact_matches

BINS = 5
MAPPED, ENOUGH = 32, 8  # pairs that a gradient map is of: at most, and at least where there are so many


def curves(epochs: list[dict[str, Any]]) -> Arrays:
    """Every figure of a training against the epoch, (E,)."""
    return {name: np.array([epoch[name] for epoch in epochs]) for name in epochs[0] if name != "layer_norms"}


def measure(trainer: PairTrainer, epochs: list[dict[str, Any]], answers: list[Answer]) -> Arrays:
    """All of the above but for what begins it, of a model that is trained, and its answers to the test sources."""
    scores = trainer.scores("test")
    exact = exact_matches(answers, trainer.said["test"])
    lengths = source_lengths(trainer)
    bins = length_bins(lengths)
    found = curves(epochs) | {
        "kept_epoch": np.array(trainer.stopping.best_epoch),
        "test_loss": np.array(scores.loss),
        "test_accuracy": np.array(scores.accuracy),
        "exact": exact,
        "length_bins": bins,
        "length_counts": np.array([len(rows) for rows in in_bins(lengths, bins)]),
        "shortest": lengths.min(),
        "exact_by_length": np.array([exact[rows].mean() for rows in in_bins(lengths, bins)]),
        "answers": np.array([answer.text for answer in answers]),
    }
    return found | alignments(trainer, answers) | {"gradient_map": gradient_map(trainer.model, trainer.data["test"])}


def named(name: str, arrays: Arrays) -> Arrays:
    """The arrays of the model `name`."""
    return {f"{name}_{key}": array for key, array in arrays.items()}


def of_model(name: str, arrays: Arrays) -> Arrays:
    """Undo `named`: the arrays of one model."""
    return {key.removeprefix(f"{name}_"): array for key, array in arrays.items() if key.startswith(f"{name}_")}


def exact_table(tests: str, kind: str, names: Sequence[str], arrays: Arrays, digits: int = 1) -> Table:
    """The test figures of each model, kept at the epoch of most exact validation answers; `digits` of the percentages."""
    rows = []
    for name in names:
        kept, epochs = int(arrays[f"{name}_kept_epoch"]), len(arrays[f"{name}_val_loss"])
        loss, exact = arrays[f"{name}_test_loss"], arrays[f"{name}_exact"].mean()
        rows.append([name, f"{kept} of {epochs}", f"{loss:.{digits + 2}f}", f"{exact:.{digits}%}"])
    title = f"{len(arrays['sources'])} test {tests}; the models of the epoch with most exact validation answers"
    return Table(title, [kind, "epoch", "loss", "exact"], rows)


# ---- by length


def source_lengths(trainer: PairTrainer) -> np.ndarray:
    """The tokens of each test source, BEGIN and END not counted, (N,)."""
    frame = trainer.pair_model.vectorizer.source.vectorizer
    lengths: np.ndarray = trainer.data["test"].source.lengths - frame.begin - frame.end
    return lengths


def length_bins(lengths: np.ndarray) -> np.ndarray:
    """The upper ends of at most `BINS` bins of lengths with about as many sources in each."""
    ends = np.quantile(lengths, np.arange(1, BINS + 1) / BINS, method="inverted_cdf")
    return np.unique(ends).astype(np.int64)


def in_bins(lengths: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    """The sources of each bin, none of which is empty."""
    number = np.searchsorted(ends, lengths)
    return [np.flatnonzero(number == k) for k in range(len(ends))]


# ---- alignments


def alignments(trainer: PairTrainer, answers: list[Answer]) -> Arrays:
    """The maps of some test pairs: of the greedy answer, of sources of every length, from short to long."""
    data, count = trainer.data["test"], trainer.config.drawn
    if not trainer.pair_model.architecture.attends or not count:
        return {}
    order = np.argsort(data.source.lengths, kind="stable")
    rows = order[((np.arange(count) + 0.5) / count * len(order)).astype(np.int64)]
    kept = answers if trainer.config.beam == 1 else None
    greedy = [kept[row] for row in rows] if kept else trainer.translator()([data.pairs[row].source for row in rows])
    found: Arrays = {}
    for number, answer in enumerate(greedy):
        assert answer.weights is not None
        found[f"alignment_{number}"] = answer.weights
        found[f"alignment_{number}_source"] = np.array(readable(answer.source_tokens))
        found[f"alignment_{number}_target"] = np.array(readable(answer.target_tokens))
    return found


# ---- how far back the gradient reaches


def gradient_map(model: Seq2Seq, data: PairData) -> np.ndarray:
    """‖∂L_t/∂h_s‖ (T, S), L_t the cross-entropy of target token t and h_s the first layer's state at source token s.

    The norm is over the pairs together, and over both directions of the encoder: h_s = [→h_s; ←h_s].
    """
    batch = alike(data).to(model.decoder.output.weight.device)

    def losses(scores: Tensor) -> Tensor:
        flat = F.cross_entropy(scores.flatten(0, 1), batch.target_out.flatten(), reduction="none")
        return flat.reshape(*batch.target_out.shape).sum(1)

    model.eval()
    given = batch.source, None, batch.target_in
    directions = ("forward", "reverse") if model.encoder.rnn.bidirectional else ("forward",)
    squares = [flow(model, given, losses, at=("encoder.rnn", 0, direction)).square() for direction in directions]
    with minigrad.no_grad():
        total = squares[0] if len(squares) == 1 else squares[0] + squares[1]
        norms: np.ndarray = total.sqrt().cpu().numpy()
    return norms


def alike(data: PairData) -> PairBatch:
    """Up to `MAPPED` pairs with one length of source and one of target: the longest that `ENOUGH` pairs have, else the
    commonest."""
    sizes, inverse, counts = np.unique(
        np.stack([data.source.lengths, data.target.lengths], 1), axis=0, return_inverse=True, return_counts=True
    )
    enough = np.flatnonzero(counts >= min(ENOUGH, counts.max()))
    longest = enough[np.argmax(sizes[enough].sum(1))]
    return data.batch(np.flatnonzero(inverse.reshape(-1) == longest)[:MAPPED])

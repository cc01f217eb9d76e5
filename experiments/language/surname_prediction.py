"""Asking a trained surname classifier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import minigrad

from ..data.surnames import SurnameVectorizer
from ..lab import UsageError
from ..lab.files import read_json
from .surname_model import SurnameClassifier

AT_ONCE = 256  # names in a batch: enough to be quick, few enough for any memory


@dataclass(frozen=True)
class Prediction:
    """The nationalities of a name, most probable first, and its characters that the training names lack."""

    name: str
    nationalities: tuple[tuple[str, float], ...]
    unknown: tuple[str, ...]


class SurnamePredictor:
    """A trained model with its vocabularies: `SurnamePredictor.load(folder)(["kang"])`."""

    def __init__(self, model: SurnameClassifier, vectorizer: SurnameVectorizer) -> None:
        self.model = model.eval()
        self.vectorizer = vectorizer

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what a run of `surnames` saved.

        Raises:
            UsageError: a file is missing, is damaged, or does not fit the other; the message names it.
        """
        vectorizer = _vectorizer(folder / "vectorizer.json")
        return cls(_model(folder / "model.safetensors", vectorizer), vectorizer)

    def __call__(self, names: Sequence[str]) -> list[Prediction]:
        """The nationalities of each name with their probabilities."""
        found: list[Prediction] = []
        for start in range(0, len(names), AT_ONCE):
            found += self._batch(names[start : start + AT_ONCE])
        return found

    def _batch(self, names: Sequence[str]) -> Iterator[Prediction]:
        sequences = self.vectorizer.characters.vectorize(names)
        with minigrad.no_grad():
            ids, lengths = minigrad.from_numpy(sequences.ids), minigrad.from_numpy(sequences.lengths)
            probabilities = self.model(ids, lengths, apply_softmax=True).numpy()
        tokens = self.vectorizer.nationalities.tokens
        for name, row in zip(names, probabilities):
            ranked = tuple((tokens[c], float(row[c])) for c in (-row).argsort(kind="stable"))
            yield Prediction(name, ranked, tuple(self.vectorizer.characters.unknown(name)))


def _vectorizer(path: Path) -> SurnameVectorizer:
    try:
        return SurnameVectorizer.from_serializable(read_json(path))
    except ValueError as error:
        raise UsageError(f"{path}: is damaged: {error}") from None


def _model(path: Path, vectorizer: SurnameVectorizer) -> SurnameClassifier:
    """The model whose weights lie in `path`, its sizes read off them and off the vocabularies."""
    try:
        state = minigrad.load(path)
        table, H = state["emb.weight"], state["fc1.weight"].shape[0]
        kind = {1: "elman", 3: "gru", 4: "lstm"}[state["rnn.weight_hh_l0"].shape[0] // H]  # by the number of gates
        V, C = len(vectorizer.characters.vocabulary), len(vectorizer.nationalities)
        model = SurnameClassifier(table.shape[1], V, C, H, kind=kind, dtype=table.dtype)
        model.load_state_dict(state)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except KeyError as error:
        raise UsageError(f"{path}: holds no surname classifier: it lacks {error}") from None
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        raise UsageError(f"{path}: holds no surname classifier: {' '.join(str(error).split())}") from None
    return model


def predict(folder: Path, lines: Sequence[str], top: int) -> Iterator[str]:
    """For each line, a name, its `top` nationalities with their probabilities, on one line."""
    width = max(map(len, lines), default=0)
    for prediction in SurnamePredictor.load(folder)(lines):
        best = "  ".join(f"{nationality} {share:.1%}" for nationality, share in prediction.nationalities[:top])
        unknown = "".join(prediction.unknown)
        note = f"  (not in the training names, read as <UNK>: {unknown})" if unknown else ""
        yield f"{prediction.name:<{width}}  {best}{note}"

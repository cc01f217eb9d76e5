"""Reading what a run of a language model has saved: the model, its sizes read off its weights."""

from __future__ import annotations

from pathlib import Path

import minigrad
from layers.seq2seq import LanguageModel
from minigrad import Tensor

from ..lab import UsageError

KINDS = {1: "elman", 3: "gru", 4: "lstm"}  # by the number of gates


def load_language_model(path: Path, V: int, classes: int | None = None, padding: int | None = 0) -> LanguageModel:
    """The model in `path`, for V ids and, if it is conditioned, so many `classes`; put into evaluation mode.

    Raises:
        UsageError: the file is missing or damaged, or its model is not one for these ids and classes.
    """
    try:
        state = minigrad.load(path)
        model = _fitting(state, V, classes, padding)
        model.load_state_dict(state)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except KeyError as error:
        raise UsageError(f"{path}: holds no language model: it lacks {error}") from None
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise UsageError(f"{path}: holds no language model: {' '.join(str(error).split())}") from None
    return model.eval()


def _fitting(state: dict[str, Tensor], V: int, classes: int | None, padding: int | None) -> LanguageModel:
    """A model of the sizes of these weights."""
    table, recurrent = state["decoder.embedding.weight"], state["decoder.rnn.weight_hh_l0"]
    H, E = recurrent.shape[1], table.shape[1]
    count = sum(name.startswith("decoder.rnn.weight_hh_l") for name in state)
    conditioned = classes if "classes.weight" in state else None
    kind = KINDS[recurrent.shape[0] // H]
    return LanguageModel(V, E, H, count, num_classes=conditioned, kind=kind, padding_idx=padding, dtype=table.dtype)

"""Asking a model of a run on pairs for an answer to each line: found by search, or drawn, with what it attended to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

import minigrad

from ..data.vocabulary import END, UNK, SequenceVocabulary
from ..lab import UsageError
from ..lab.translation import Translation, TranslationRequest
from ..lab.usage import suggestion
from .pair_decoding import AT_ONCE, Answer, Translator
from .pair_model import PairModel, names_in

LONGEST = 1000  # tokens of a source: an attention over more would take the memory


def translate(folder: Path, lines: Sequence[str], request: TranslationRequest) -> Iterator[Translation]:
    """The answer of one of the run's models to each line, in their order; to an empty line an empty one.

    Raises:
        UsageError: the run has no such model or it is damaged, it has no attention and alignments are wanted, or a line is
            too long.
    """
    model = chosen(folder, request.model)
    if request.align and not model.architecture.attends:
        raise UsageError(f"{folder}: its model has no attention ({model.architecture.decoder}), so there is nothing to align")
    _check_lengths(lines, model)
    translator = Translator(model, request.beam, request.length_penalty, request.drawn)
    for start in range(0, len(lines), AT_ONCE):
        part = lines[start : start + AT_ONCE]
        answers = iter(translator([line for line in part if line]) if any(part) else ())
        for line in part:
            yield _translation(model, line, next(answers), request.align) if line else Translation("")


def chosen(folder: Path, name: str | None) -> PairModel:
    """The run's model called `name`; without one the one that attends, else one that is peeky, else the first.

    Raises:
        UsageError: there is none, or it is damaged.
    """
    names = names_in(folder)
    if not names:
        raise UsageError(f"{folder}: holds no model: there is no model-NAME.json")
    if name is not None and name not in names:
        raise UsageError(f"--model {name}: {folder} holds no such model{suggestion(name, names)}")
    models = [PairModel.load(folder, each) for each in ([name] if name else names)]
    return max(models, key=lambda model: (model.architecture.attends, model.architecture.decoder == "peeky"))


def _check_lengths(lines: Sequence[str], model: PairModel) -> None:
    for number, line in enumerate(lines, 1):
        if (count := len(model.vectorizer.source.tokens(line))) > LONGEST:
            raise UsageError(f"line {number}: {count} tokens; {LONGEST} are the most")


def _translation(model: PairModel, line: str, answer: Answer, align: bool) -> Translation:
    vocabulary = model.vectorizer.target.vocabulary
    said = answer.target_tokens
    ends = model.vectorizer.target.vectorizer.end
    ended = len(said) < model.longest or said[-1:] == (END,)
    if ends and ended and said[-1:] != (END,):
        said = (*said, END)  # beam search leaves it out
    weights = None
    if align:
        weights = answer.weights if answer.weights is not None else _forced(model, answer.source_tokens, said, vocabulary)
    return Translation(
        text=answer.text.strip(),
        unknown=_unknown(model, line),
        unsaid=said.count(UNK),
        cut=ends and not ended,
        source_tokens=_as_written(model, line, answer.source_tokens),
        target_tokens=said,
        weights=weights,
    )


def _unknown(model: PairModel, line: str) -> tuple[str, ...]:
    """The tokens of a line that the source's vocabulary lacks, or the characters of which there are no subwords."""
    side = model.vectorizer.source
    tokens = side.tokens(line)
    if UNK in tokens:
        return tuple(character for character in dict.fromkeys(line) if UNK in side.tokens(character))
    return tuple(side.vectorizer.unknown(tokens))


def _as_written(model: PairModel, line: str, read: Sequence[str]) -> tuple[str, ...]:
    """The tokens that were read, with those in brackets that the model knows as <UNK> only."""
    side = model.vectorizer.source
    written = iter(side.tokens(line.ljust(model.width)))
    first, last = int(side.vectorizer.begin), len(read) - side.vectorizer.end
    inner = [f"({word})" if token == UNK else token for token, word in zip(read[first:last], written)]
    return (*read[:first], *inner, *read[last:])


def _forced(model: PairModel, source: Sequence[str], said: Sequence[str], vocabulary: SequenceVocabulary) -> np.ndarray:
    """α (T, S) of an answer that beam search has found: the decoder reads it again."""
    read = [model.vectorizer.source.vocabulary.lookup_token(token) for token in source]
    given = [vocabulary.begin_seq_index, *map(vocabulary.lookup_token, said[:-1])]
    with minigrad.no_grad():
        found = model.model.run(minigrad.tensor(read).unsqueeze(1), None, minigrad.tensor(given).unsqueeze(1)).alignments
    assert found is not None
    weights: np.ndarray = found.numpy()[:, 0]
    return weights

"""A trained generator of names: it says new ones, and tells how well it foresees a given one."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np

import minigrad
from layers.seq2seq import LanguageModel
from minigrad.random import Generator

from ..data.surnames import LONGEST, Examples, SurnameVectorizer
from ..lab import UsageError
from ..lab.files import read_json
from ..lab.sampling import SampleRequest
from ..lab.usage import suggestion
from .name_training import judge
from .stored import load_language_model

COUNT = 10  # names, unless told otherwise


class NameGenerator:
    """A trained model with its vocabularies: `NameGenerator.load(folder).say(5)`."""

    def __init__(self, model: LanguageModel, vectorizer: SurnameVectorizer) -> None:
        self.model = model.eval()
        self.vectorizer = vectorizer
        self._speaker = _without_specials(model, vectorizer)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what a run of `names` saved.

        Raises:
            UsageError: a file is missing, is damaged, or does not fit the other; the message names it.
        """
        path = folder / "vectorizer.json"
        try:
            vectorizer = SurnameVectorizer.from_serializable(read_json(path))
        except ValueError as error:
            raise UsageError(f"{path}: is damaged: {error}") from None
        V, K = len(vectorizer.characters.vocabulary), len(vectorizer.nationalities)
        return cls(load_language_model(folder / "model.safetensors", V, K), vectorizer)

    @property
    def conditioned(self) -> bool:
        """Whether it says names of a nationality."""
        return self.model.classes is not None

    @property
    def kinds(self) -> list[str] | list[None]:
        """The nationalities that it can be asked for; None alone where it is not conditioned."""
        return self.vectorizer.nationalities.tokens if self.conditioned else [None]

    def say(
        self,
        count: int,
        nationality: str | None = None,
        request: SampleRequest = SampleRequest(),  # noqa: B008 (it is immutable)
        generator: Generator | None = None,
    ) -> list[str]:
        """Draw so many names as `request` says, from `generator`, or from one with the request's seed.

        Raises:
            UsageError: the prompt has a character that no training name has.
        """
        vocabulary = self.vectorizer.characters.vocabulary
        if unknown := self.vectorizer.characters.unknown(request.prompt):
            raise UsageError(f"--prompt {request.prompt}: the training names have no {unknown[0]!r}")
        *read, last = [vocabulary.begin_seq_index, *map(vocabulary.lookup_token, request.prompt)]
        place = self.model.decoder.output.weight.device
        with minigrad.no_grad():
            state = self._speaker.start(count if nationality is None else self._classes(nationality, count).to(place))
            if read:
                _, state = self._speaker.read(minigrad.tensor([[i] * count for i in read], device=place), state)
        generator = generator or Generator(place).manual_seed(request.seed)
        length = request.length or LONGEST
        found = request.draw(self._speaker.decoder, state, generator, begin=last, end=vocabulary.end_seq_index, length=length)
        return [request.prompt + "".join(self.vectorizer.characters.tokens(ids)) for ids in found.sequences()]

    def perplexities(self, names: Sequence[str], nationality: str | None = None) -> np.ndarray:
        """exp(−ln p(name | nationality)/n) for each name, (N,), with n its characters and END."""
        sequences = self.vectorizer.characters.vectorize(names)
        classes = self._classes(nationality, len(names)).numpy() if nationality else np.zeros(len(names), dtype=np.int64)
        scores = judge(self.model, Examples(sequences, classes))
        return np.exp(scores.nll / scores.characters)

    def _classes(self, nationality: str, count: int) -> minigrad.Tensor:
        return minigrad.full((count,), self.vectorizer.nationalities.lookup_token(nationality))


def _without_specials(model: LanguageModel, vectorizer: SurnameVectorizer) -> LanguageModel:
    """A copy that never says MASK, UNK or BEGIN, which no name has: p = 0 by z = −∞."""
    copied = copy.deepcopy(model)
    vocabulary = vectorizer.characters.vocabulary
    with minigrad.no_grad():
        for index in (vocabulary.mask_index, vocabulary.unk_index, vocabulary.begin_seq_index):
            copied.decoder.output.bias[index] = -float("inf")
    return copied


def predict(folder: Path, lines: Sequence[str], top: int) -> Iterator[str]:
    """For each line, a name, its perplexity; of a conditioned model, under the `top` nationalities that foresee it best."""
    generator = NameGenerator.load(folder)
    width = max(map(len, lines), default=0)
    kinds = generator.kinds
    found = np.array([generator.perplexities(lines, kind) for kind in kinds])  # (K, N)
    for name, values in zip(lines, found.T):
        best = np.argsort(values, kind="stable")[:top]
        told = "  ".join(f"{kinds[k] or 'perplexity'} {values[k]:.2f}" for k in best)
        unknown = "".join(generator.vectorizer.characters.unknown(name))
        yield f"{name:<{width}}  {told}" + (f"  (not in the training names, read as <UNK>: {unknown})" if unknown else "")


def sample(folder: Path, request: SampleRequest) -> Iterator[str]:
    """Names, one on a line; where there are several nationalities, of each in turn, with the nationality before the name.

    Raises:
        UsageError: the run is not conditioned and a nationality is asked for, or one that the training names lack.
    """
    generator = NameGenerator.load(folder)
    known = generator.vectorizer.nationalities
    if request.nationalities and not generator.conditioned:
        raise UsageError(f"--nationality: {folder} is not conditioned; train with: run names --set conditioned=true")
    for nationality in request.nationalities:
        if nationality not in known:
            raise UsageError(f"--nationality {nationality}: unknown{suggestion(nationality, known.tokens)}")
    wanted: list[str | None] = [*(request.nationalities or generator.kinds)]
    width = max(len(kind or "") for kind in wanted)
    drawn = Generator(generator.model.decoder.output.weight.device).manual_seed(request.seed)
    for kind in wanted:
        for name in generator.say(request.count or COUNT, kind, request, drawn):
            yield f"{kind:<{width}}  {name}" if len(wanted) > 1 else name

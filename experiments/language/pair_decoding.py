"""From a trained sequence-to-sequence model to texts: greedy and beam search over many sources, and their alignments."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

import minigrad
from layers.seq2seq import Found, Hypothesis, State, beam_search, greedy
from minigrad import Tensor
from minigrad.random import Generator

from ..data.vectorizer import Sequences
from ..data.vocabulary import BEGIN, END
from ..lab.sampling import SampleRequest
from .pair_model import PairModel

AT_ONCE = 128  # sources in a batch


@dataclass(frozen=True)
class Answer:
    """What a model makes of a source.

    `weights` are the attention's, (target tokens, source tokens), where greedy search has found it and there is an attention.
    The tokens are those that the model reads and says, BEGIN and END among them.
    """

    text: str
    source_tokens: tuple[str, ...]
    target_tokens: tuple[str, ...]
    log_p: float
    weights: np.ndarray | None = None


class Translator:
    """A trained model that is asked: ``Translator(PairModel.load(folder, "attention"))(["go ."])``.

    Args:
        pair_model: the model with its vocabularies.
        beam: sequences kept by beam search; 1 is greedy search.
        alpha: of the length penalty of beam search.
        drawn: how each token is drawn from the softmax, in place of searching; None: it is not.
    """

    def __init__(self, pair_model: PairModel, beam: int = 1, alpha: float = 1.0, drawn: SampleRequest | None = None) -> None:
        self.model, self.vectorizer, self.width = pair_model.model, pair_model.vectorizer, pair_model.width
        self.longest, self.beam, self.alpha = pair_model.longest, beam, alpha
        self.drawn, self.generator = drawn, Generator().manual_seed(drawn.seed if drawn else 0)
        self.model.eval()

    def __call__(self, texts: Sequence[str]) -> list[Answer]:
        """The answer to each text, in their order."""
        return self.answers(self.vectorizer.source.encode(text.ljust(self.width) for text in texts))

    def answers(self, sources: Sequences) -> list[Answer]:
        """The answer to each source, in their order. Those of like length are searched together."""
        order = np.argsort(sources.lengths, kind="stable")
        found: dict[int, Answer] = {}
        for start in range(0, len(order), AT_ONCE):
            rows = order[start : start + AT_ONCE]
            found |= zip(rows.tolist(), self._batch(sources.trimmed(rows)))
        return [found[row] for row in range(len(sources))]

    def ranked(self, text: str) -> list[tuple[str, float]]:
        """The answers that beam search has found to a text, with p(y | x), the best first."""
        sources = self.vectorizer.source.encode([text.ljust(self.width)])
        found = self._hypotheses(*_tensors(sources))[0]
        return [(self.vectorizer.target.decode(each.ids), math.exp(each.log_p)) for each in found]

    def _batch(self, sources: Sequences) -> Iterator[Answer]:
        search = self._greedily if self.beam == 1 else self._by_beam
        for row, n, answer in zip(sources.ids, sources.lengths, search(*_tensors(sources))):
            said, log_p, weights = answer
            vocabulary = self.vectorizer.source.vocabulary
            read = tuple(vocabulary.lookup_index(id) for id in row[:n])
            kept = None if weights is None else weights[:, :n]
            tokens = tuple(self.vectorizer.target.vocabulary.lookup_index(id) for id in said)
            yield Answer(self.vectorizer.target.decode(said), read, tokens, log_p, kept)

    def _greedily(self, source: Tensor, lengths: Tensor) -> Iterator[tuple[list[int], float, np.ndarray | None]]:
        with minigrad.no_grad():
            state = self.model.start(source.to(self._device), lengths)
            found = self._said(state)
        maps = None if found.alignments is None else found.alignments.cpu().numpy()
        end = self.vectorizer.target.vocabulary.end_seq_index
        said = zip(found.ids.t().tolist(), found.lengths.tolist(), found.scores.tolist())
        for b, (ids, n, log_p) in enumerate(said):
            steps = n + (n < len(ids) and ids[n] == end)
            yield ids[:steps], log_p, None if maps is None else maps[:steps, b]

    def _said(self, state: State) -> Found:
        begin, end, most = self._limits().values()
        if self.drawn is not None:
            return self.drawn.draw(self.model.decoder, state, self.generator, begin=begin, end=end, length=most)
        return greedy(self.model.decoder, state, begin=begin, end=end, max_length=most)

    def _by_beam(self, source: Tensor, lengths: Tensor) -> Iterator[tuple[list[int], float, None]]:
        for found in self._hypotheses(source, lengths):
            yield list(found[0].ids), found[0].log_p, None

    def _hypotheses(self, source: Tensor, lengths: Tensor) -> list[list[Hypothesis]]:
        with minigrad.no_grad():
            state = self.model.start(source.to(self._device), lengths)
            return beam_search(self.model.decoder, state, **self._limits(), beam=self.beam, alpha=self.alpha)

    def _limits(self) -> dict[str, int]:
        vocabulary = self.vectorizer.target.vocabulary
        return {
            "begin": vocabulary.begin_seq_index,
            "end": vocabulary.end_seq_index,
            "max_length": self.longest,
        }

    @property
    def _device(self) -> object:
        return self.model.decoder.output.weight.device


def _tensors(sources: Sequences) -> tuple[Tensor, Tensor]:
    """Ids (S, B) and lengths (B,); a text without a token is read as one MASK."""
    ids = sources.ids if sources.ids.shape[1] else np.zeros((len(sources), 1), dtype=np.int64)
    return minigrad.from_numpy(np.ascontiguousarray(ids.T)), minigrad.from_numpy(np.maximum(sources.lengths, 1))


def readable(tokens: Sequence[str]) -> list[str]:
    """Tokens as a picture shows them: ⟨s⟩ and ⟨/s⟩ for BEGIN and END, ␣ for a blank."""
    return [{BEGIN: "⟨s⟩", END: "⟨/s⟩", " ": "␣"}.get(token, token) for token in tokens]

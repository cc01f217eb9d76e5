"""A recurrent language model: p(y) = Π_t p(y_t | y_1 … y_{t−1}) (Mikolov et al. 2010), or p(y | k) for a class k.

It is a decoder without an encoder. Its first state is zero, or, conditioned, a vector learned for each class:

    h_0 = C[k]                                                      (Rao and McMahan 2019, chapter 7)
"""

from __future__ import annotations

from typing import Any

import minigrad
from minigrad import Tensor

from ..embedding import Embedding
from ..module import Module
from .attention_decoder import place
from .decoder import Decoder, State
from .encoder import as_hidden, as_states


class LanguageModel(Module):
    """A generator of sequences, conditioned on a class if there are `num_classes`.

    Args:
        num_embeddings: V, the number of ids.
        embedding_dim: E.
        hidden_size: H.
        num_layers: L.
        num_classes: the number of classes; None: not conditioned.
        settings: `kind`, `dropout`, `embedding_dropout`, `padding_idx`, `device`, `dtype` of StepwiseDecoder.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        num_classes: int | None = None,
        **settings: Any,
    ) -> None:
        super().__init__()
        self.decoder = Decoder(num_embeddings, embedding_dim, hidden_size, num_layers, **settings)
        size = num_layers * hidden_size
        self.classes = None if num_classes is None else Embedding(num_classes, size, **place(settings))

    def start(self, batch: int | Tensor) -> State:
        """Return the state before the first step, of so many sequences, or of sequences of classes (B,).

        Raises:
            TypeError: classes are given to a model without, or not given to one with.
        """
        rnn, weight = self.decoder.rnn, self.decoder.output.weight
        conditioned = isinstance(batch, Tensor)
        if conditioned != (self.classes is not None):
            wanted = "a number of sequences: it knows no classes" if conditioned else "the class of each sequence"
            raise TypeError(f"this LanguageModel starts from {wanted}")
        B = len(batch) if isinstance(batch, Tensor) else batch
        shapes = [(rnn.num_layers, B, size) for size in rnn.state_sizes()]
        states = [minigrad.zeros(*shape, dtype=weight.dtype, device=weight.device) for shape in shapes]
        if self.classes is not None:
            states[0] = self.classes(batch).reshape(B, rnn.num_layers, -1).transpose(0, 1)
        return State(tuple(states))

    def forward(self, ids: Tensor, classes: Tensor | None = None) -> Tensor:
        """Return the scores (T, B, V) of what follows each of the ids (T, B), of sequences of classes (B,)."""
        features, _ = self.read(ids, self.start(ids.shape[1] if classes is None else classes))
        return self.decoder.project(features)

    def read(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the features f_t (T, B, H) of ids (T, B) that are read from a state on, and the state after them.

        The scores of what follows are `decoder.project(features)`. A long text is read window by window, each from the
        state that the one before has left.
        """
        features, hidden = self.decoder.rnn(self.decoder.embed(ids), as_hidden(state.states))
        return features, State(as_states(hidden))

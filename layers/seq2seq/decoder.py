"""Decoders without attention, and what all decoders share.

    plain    s_t = f(e_t, s_{t−1}),         f_t = s_t                                           (Sutskever et al. 2014)  (1)
    peeky    s_t = f([e_t; c], s_{t−1}),    f_t = [s_t; c],   c = s_0 of the last layer         (Cho et al. 2014)        (2)

with e_t = E[y_{t−1}] the embedding of the id before, f a stack of recurrent layers, and scores of the next id

    z_t = W dropout(f_t) + b,    p(y_t | y_1 … y_{t−1}, x) = softmax(z_t)                                               (3)

A decoder goes step by step (`advance`). Where no step reads anything of the step before but its state, as in (1) and (2), and
all ids are known, the whole target is one call of the recurrent layers (`forced`).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NamedTuple

import minigrad
from minigrad import Tensor

from ..attention import Memory
from ..dropout import Dropout
from ..embedding import Embedding
from ..linear import Linear
from ..module import Module
from .encoder import Encoded, States, as_hidden, as_states, recurrent


class State(NamedTuple):
    """A decoder between two steps."""

    states: States  # of the recurrent layers, (L, B, H) each
    fed: Tensor | None = None  # what the next step reads beside the embedding, (B, F)
    memory: Memory | None = None  # what it attends to, the same at all steps

    def select(self, rows: Tensor, memory: bool = True) -> State:
        """Return the state whose batch entry i is entry rows[i] of this one; `memory=False` leaves the memory as it is."""
        states = tuple(state.index_select(1, rows) for state in self.states)
        fed = None if self.fed is None else self.fed.index_select(0, rows)
        kept = self.memory if self.memory is None or not memory else self.memory.select(rows)
        return State(states, fed, kept)


class Features(NamedTuple):
    """What a decoder says before the projection to scores."""

    features: Tensor  # f_t, (T, B, F)
    alignments: Tensor | None  # the weights α of the attention, (T, B, S); None without one


class StepwiseDecoder(Module):
    """What all decoders share: embedding, recurrent layers, dropout and the projection (3).

    Args:
        num_embeddings: V, the number of ids.
        embedding_dim: E.
        input_size: of the recurrent layers.
        hidden_size: H.
        num_layers: L.
        feature_size: F, the size of f_t.
        kind: "elman", "gru" or "lstm".
        dropout: the probability of zeroing an element of f_t, and of a layer's output to the next layer.
        embedding_dropout: the same for e_t.
        padding_idx: the id that targets are filled up with, or None.
        device: where the parameters live.
        dtype: their floating type.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        feature_size: int,
        *,
        kind: str = "gru",
        dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        padding_idx: int | None = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        place = {"device": device, "dtype": dtype}
        self.embedding = Embedding(num_embeddings, embedding_dim, padding_idx, **place)
        self.embedding_dropout = Dropout(embedding_dropout)
        self.rnn = recurrent(kind, input_size, hidden_size, num_layers, dropout, **place)
        self.dropout = Dropout(dropout)
        self.output = Linear(feature_size, num_embeddings, **place)

    @abstractmethod
    def start(self, encoded: Encoded) -> State:
        """Return the state before the first step.

        Raises:
            ValueError: the encoder's states are not those that this decoder's layers have.
        """

    @abstractmethod
    def advance(self, embedded: Tensor, state: State) -> tuple[Tensor, State, Tensor | None]:
        """Do a step: from e_t (B, E), return f_t (B, F), the state after it, and the attention's weights (B, S) if any."""

    def embed(self, ids: Tensor) -> Tensor:
        """Return e (*, E) of ids (*)."""
        return self.embedding_dropout(self.embedding(ids))

    def project(self, features: Tensor) -> Tensor:
        """Return the scores z (*, V) of features f (*, F), by (3)."""
        return self.output(self.dropout(features))

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State, Tensor | None]:
        """Return the scores (B, V) of what follows ids (B,), the state after it, and the attention's weights if any."""
        features, state, weights = self.advance(self.embed(ids), state)
        return self.project(features), state, weights

    def forced(self, embedded: Tensor, state: State) -> Features:
        """Return f_t at all steps for embeddings (T, B, E) of ids that are all known; in as few calls as possible."""
        return self.unrolled(embedded, state)

    def unrolled(self, embedded: Tensor, state: State) -> Features:
        """Return what `forced` does, step by step."""
        features, alignments = [], []
        for e_t in embedded.unbind(0):
            f_t, state, weights = self.advance(e_t, state)
            features.append(f_t)
            alignments.append(weights)
        return gathered(features, alignments)

    def _run(self, x: Tensor, states: States) -> tuple[Tensor, States]:
        """Return the last layer's outputs for x (T, B, ·), and the states after."""
        y, hidden = self.rnn(x, as_hidden(states))
        return y, as_states(hidden)

    def _once(self, x: Tensor, states: States) -> tuple[Tensor, States]:
        """Return the last layer's output for x (B, ·), and the states after."""
        y, states = self._run(x.unsqueeze(0), states)
        return y.squeeze(0), states

    def _fitting(self, states: States) -> States:
        """Return the encoder's states, refusing those of other layers than this decoder's."""
        sizes = self.rnn.state_sizes()
        expected = [(self.rnn.num_layers, size) for size in sizes]
        found = [(state.shape[0], state.shape[2]) for state in states]
        if found != expected:
            raise ValueError(
                f"the decoder's layers start from states (layers, size) {expected}, but the encoder gives {found}; take the "
                "same kind and number of layers for both, and a Bridge where sizes or directions differ"
            )
        return states


class Decoder(StepwiseDecoder):
    """Plain (1), or, with `peeky`, seeing the context at every step (2).

    Args:
        num_embeddings: V, the number of ids.
        embedding_dim: E.
        hidden_size: H.
        num_layers: L.
        peeky: whether every step and the projection see the context c (H,).
        settings: `kind`, `dropout`, `embedding_dropout`, `padding_idx`, `device`, `dtype` of StepwiseDecoder.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        peeky: bool = False,
        **settings: Any,
    ) -> None:
        context = hidden_size * peeky
        sizes = (embedding_dim, embedding_dim + context, hidden_size, num_layers, hidden_size + context)
        super().__init__(num_embeddings, *sizes, **settings)
        self.peeky = peeky

    def start(self, encoded: Encoded) -> State:
        """Return the encoder's last state, and c if it is to be seen."""
        states = self._fitting(encoded.states)
        return State(states, states[0][-1] if self.peeky else None)

    def advance(self, embedded: Tensor, state: State) -> tuple[Tensor, State, None]:
        """Do a step of (1) or (2)."""
        s_t, states = self._once(joined(embedded, state.fed), state.states)
        return joined(s_t, state.fed), state._replace(states=states), None

    def forced(self, embedded: Tensor, state: State) -> Features:
        """Return f_t at all steps from one call of the recurrent layers."""
        c = None if state.fed is None else state.fed.expand(len(embedded), *state.fed.shape)
        s, _ = self._run(joined(embedded, c), state.states)
        return Features(joined(s, c), None)


def joined(x: Tensor, c: Tensor | None) -> Tensor:
    """Return [x; c] along the last dimension, or x where there is no c."""
    return x if c is None else minigrad.cat([x, c], -1)


def gathered(features: list[Tensor], alignments: list[Tensor | None]) -> Features:
    """Return what T steps gave, as one."""
    weights = [a for a in alignments if a is not None]
    return Features(minigrad.stack(features), minigrad.stack(weights) if weights else None)

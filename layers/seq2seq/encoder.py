"""The encoder: from a batch of id sequences to a state at every step, and the state a decoder starts from.

    e_j = E[x_j],    →h_j = f(e_j, →h_{j−1}),    ←h_j = f(e_j, ←h_{j+1}),    h_j = [→h_j; ←h_j]

(Cho et al. 2014; Sutskever et al. 2014; in both directions Bahdanau et al. 2015, section 3.2). Sequences are packed: what they
are filled up with is never seen, and ←h starts at the last id of each. Time comes first, as in PyTorch's recurrent layers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import minigrad
from minigrad import Tensor

from ..dropout import Dropout
from ..embedding import Embedding
from ..linear import Linear
from ..module import Module
from ..recurrent import GRU, LSTM, RNN, Recurrent
from ..utils.rnn import pack_padded_sequence, unpacked

RECURRENT: dict[str, type[Recurrent]] = {"elman": RNN, "gru": GRU, "lstm": LSTM}
States = tuple[Tensor, ...]
"""Of a recurrent layer: (h,), or (h, c) of an LSTM, each (layers · directions, B, H)."""


class Encoded(NamedTuple):
    """What a decoder is given."""

    outputs: Tensor  # h_j of the last layer, (S, B, D·H); 0 where a sequence has ended
    states: States  # after the last id of each sequence
    mask: Tensor | None  # bool (B, S): False where a sequence has ended; None where none has

    def select(self, rows: Tensor) -> Encoded:
        """Return the batch whose sequence i is sequence rows[i] of this one."""
        mask = None if self.mask is None else self.mask.index_select(0, rows)
        return Encoded(self.outputs.index_select(1, rows), tuple(s.index_select(1, rows) for s in self.states), mask)


def recurrent(kind: str, input_size: int, hidden_size: int, num_layers: int, dropout: float, **settings: Any) -> Any:
    """Return the recurrent layers of a kind; dropout only where there is a layer after another.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in RECURRENT:
        raise ValueError(f"kind should be one of {', '.join(RECURRENT)}, but got {kind!r}")
    return RECURRENT[kind](input_size, hidden_size, num_layers, dropout=dropout if num_layers > 1 else 0.0, **settings)


def as_states(hidden: Tensor | States) -> States:
    """Return the second result of a recurrent layer as a tuple."""
    return (hidden,) if isinstance(hidden, Tensor) else tuple(hidden)


def as_hidden(states: States) -> Any:
    """Undo `as_states`."""
    return states[0] if len(states) == 1 else states


class Encoder(Module):
    """Embedding and recurrent layers over a padded batch (equations at the head of this file).

    Args:
        num_embeddings: V, the number of ids.
        embedding_dim: E.
        hidden_size: H, of one direction.
        num_layers: L.
        kind: "elman", "gru" or "lstm".
        bidirectional: whether there is ←h; D = 2 then, else 1.
        dropout: the probability of zeroing an element of an embedding, and of a layer's output to the next layer.
        embedding_dropout: that of an embedding, where it is another one.
        padding_idx: the id that sequences are filled up with, or None.
        device: where the parameters live.
        dtype: their floating type.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        kind: str = "gru",
        bidirectional: bool = False,
        dropout: float = 0.0,
        embedding_dropout: float | None = None,
        padding_idx: int | None = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        place = {"device": device, "dtype": dtype}
        self.embedding = Embedding(num_embeddings, embedding_dim, padding_idx, **place)
        self.dropout = Dropout(dropout if embedding_dropout is None else embedding_dropout)
        self.rnn = recurrent(kind, embedding_dim, hidden_size, num_layers, dropout, bidirectional=bidirectional, **place)

    @property
    def output_size(self) -> int:
        """D·H."""
        return self.rnn.directions * self.rnn.output_size

    def forward(self, source: Tensor, lengths: Tensor | None = None) -> Encoded:
        """Return the states at every step and at the end.

        Args:
            source: ids (S, B).
            lengths: of the B sequences, (B,) on the CPU; None: all of length S.

        Raises:
            RuntimeError: a length is not in 1 … S, or there are not B of them.
        """
        if lengths is None or (len(lengths) == source.shape[1] and bool((lengths == len(source)).all())):
            outputs, hidden = self.rnn(self.dropout(self.embedding(source)))
            return Encoded(outputs, as_states(hidden), None)
        packed = pack_padded_sequence(source, lengths, enforce_sorted=False)
        rows, hidden = self.rnn(packed._replace(data=self.dropout(self.embedding(packed.data))))
        outputs, _ = unpacked(rows, total_length=len(source))
        steps = minigrad.arange(len(source), device=source.device)
        mask = steps < lengths.to(source.device).unsqueeze(1)
        return Encoded(outputs, as_states(hidden), mask)


class Bridge(Module):
    """From the encoder's last states to the decoder's first: s_0 = φ(W [→h_S; ←h_1] + b), layer by layer.

    Args:
        encoder: whose states come in.
        hidden_size: H' of the decoder, whose layers are as many as the encoder's.
        activation: "tanh", as Bahdanau et al. 2015 (appendix A.2.2) have it, or "linear": φ(a) = a.

    h and c of an LSTM have a W and b each.

    Raises:
        ValueError: there is no such activation.
    """

    def __init__(
        self, encoder: Encoder, hidden_size: int, activation: str = "tanh", device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        if activation not in ("tanh", "linear"):
            raise ValueError(f"activation should be 'tanh' or 'linear', but got {activation!r}")
        self.directions, self.activation = encoder.rnn.directions, activation
        names = ("h", "c")[: len(encoder.rnn.state_sizes())]
        for name, size in zip(names, encoder.rnn.state_sizes()):
            self.add_module(name, Linear(self.directions * size, hidden_size, device=device, dtype=dtype))

    def forward(self, encoded: Encoded) -> Encoded:
        """Return the same with states (L, B, H'), from states (L·D, B, H)."""
        states = tuple(linear(self._joined(state)) for linear, state in zip(self.children(), encoded.states))
        if self.activation == "tanh":
            states = tuple(minigrad.tanh(state) for state in states)
        return encoded._replace(states=states)

    def _joined(self, state: Tensor) -> Tensor:
        """Return both directions of each layer side by side: (L, B, D·H)."""
        if self.directions == 1:
            return state
        rows, B, H = state.shape
        return state.reshape(rows // 2, 2, B, H).transpose(1, 2).reshape(rows // 2, B, 2 * H)

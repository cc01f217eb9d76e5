"""The surname classifier of Rao and McMahan 2019, chapter 6: an Elman network reads the characters of a name.

    e_t = E[x_t],   h_t = tanh(W_ih e_t + b_ih + W_hh h_{t−1} + b_hh),   h_0 = 0
    z   = ReLU(W_1 dropout(h_n) + b_1),   y = W_2 dropout(z) + b_2

with n the length of the name: the state after its last character, whatever it is filled up with. A GRU or an LSTM may
stand in for the Elman network.
"""

from __future__ import annotations

from typing import Any

import layers
import minigrad
from layers import functional as F
from minigrad import Tensor

RECURRENT = {"elman": layers.RNN, "gru": layers.GRU, "lstm": layers.LSTM}


def column_gather(y_out: Tensor, x_lengths: Tensor) -> Tensor:
    """The state after each sequence's last step, (B, H), of the states (T, B, H) and the lengths (B,)."""
    return y_out[x_lengths - 1, minigrad.arange(len(x_lengths), device=y_out.device)]


class SurnameClassifier(layers.Module):
    """Embedding, a recurrent network, two linear layers with a ReLU between, and dropout before each.

    Args:
        embedding_size: E, the size of a character's vector.
        num_embeddings: V, the number of characters.
        num_classes: C, the number of nationalities.
        rnn_hidden_size: H, the size of the state and of the layer after it.
        batch_first: whether the ids are (B, T), not (T, B).
        padding_idx: the id that sequences are filled up with.
        dropout_p: the probability of an element to be dropped.
        kind: the recurrent layer, "elman", "gru" or "lstm".
        dtype: the floating type of the parameters.
    """

    def __init__(
        self,
        embedding_size: int,
        num_embeddings: int,
        num_classes: int,
        rnn_hidden_size: int,
        batch_first: bool = True,
        padding_idx: int = 0,
        dropout_p: float = 0.5,
        kind: str = "elman",
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.batch_first = batch_first
        self.emb = layers.Embedding(num_embeddings, embedding_size, padding_idx=padding_idx, dtype=dtype)
        self.rnn = RECURRENT[kind](embedding_size, rnn_hidden_size, dtype=dtype)
        self.fc1 = layers.Linear(rnn_hidden_size, rnn_hidden_size, dtype=dtype)
        self.fc2 = layers.Linear(rnn_hidden_size, num_classes, dtype=dtype)
        self.dropout = layers.Dropout(dropout_p)

    def forward(self, x_in: Tensor, x_lengths: Tensor, apply_softmax: bool = False) -> Tensor:
        """Return the scores y (B, C), or their softmax, for ids (B, T) of names whose lengths are (B,)."""
        steps = x_in.T if self.batch_first else x_in  # (T, B): the ids are turned round, so that no state need be
        states, _ = self.rnn(self.emb(steps))
        h_n = column_gather(states, x_lengths)
        z = F.relu(self.fc1(self.dropout(h_n)))
        y = self.fc2(self.dropout(z))
        return F.softmax(y, dim=1) if apply_softmax else y

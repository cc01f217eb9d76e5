"""Decoders with attention over the encoder's outputs h_1 … h_S, in the two orders of operations.

Bahdanau et al. 2015 (appendix A.2.2) attend with the state before, then step:

    c_t = attend(s_{t−1}, h),    s_t = f([e_t; c_t], s_{t−1}),    f_t = [s_t; c_t; e_t]                                 (1)

(their maxout layer on f_t is a linear one here: it is the projection to scores).

Luong et al. 2015 (sections 3.1 and 3.3) step, then attend with the new state:

    s_t = f([e_t; fed_{t−1}], s_{t−1}),    c_t = attend(s_t, h),    f_t = tanh(W_c [c_t; s_t])                           (2)

What is fed to the next step, from zeros on, is f_t ("attentional", their input feeding), c_t ("context"), or nothing. Rao and
McMahan 2019, chapter 8, feed c_t and have f_t = [c_t; s_t] (`combine=False`).
"""

from __future__ import annotations

from typing import Any

import minigrad
from minigrad import Tensor

from ..attention import Attention, AttentionalOutput, Memory
from .decoder import Features, State, StepwiseDecoder, joined
from .encoder import Encoded

FEEDS = ("attentional", "context", None)


class BahdanauDecoder(StepwiseDecoder):
    """Attend, then step (1).

    Args:
        num_embeddings: V, the number of ids.
        embedding_dim: E.
        hidden_size: H.
        num_layers: L; the last layer's state is the query.
        source_size: K, the size of the encoder's outputs; by default H.
        score: of layers.Attention.
        attention_size: A, of the additive and the concat score; by default H.
        settings: `kind`, `dropout`, `embedding_dropout`, `padding_idx`, `device`, `dtype` of StepwiseDecoder.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        source_size: int | None = None,
        score: str = "additive",
        attention_size: int | None = None,
        **settings: Any,
    ) -> None:
        K = source_size or hidden_size
        sizes = (embedding_dim, embedding_dim + K, hidden_size, num_layers, hidden_size + K + embedding_dim)
        super().__init__(num_embeddings, *sizes, **settings)
        self.attention = Attention(hidden_size, K, score, attention_size, **place(settings))

    def start(self, encoded: Encoded) -> State:
        """Return the encoder's last state, and its outputs to attend to."""
        return State(self._fitting(encoded.states), None, remember(self.attention, encoded))

    def advance(self, embedded: Tensor, state: State) -> tuple[Tensor, State, Tensor]:
        """Do a step of (1)."""
        assert state.memory is not None
        c_t, weights = self.attention.attend(state.states[0][-1], state.memory)
        s_t, states = self._once(minigrad.cat([embedded, c_t], 1), state.states)
        return minigrad.cat([s_t, c_t, embedded], 1), state._replace(states=states), weights


class LuongDecoder(StepwiseDecoder):
    """Step, then attend (2).

    Args:
        num_embeddings: V, the number of ids.
        embedding_dim: E.
        hidden_size: H.
        num_layers: L; the last layer's state is the query.
        source_size: K, the size of the encoder's outputs; by default H.
        score: of layers.Attention.
        attention_size: A, of the additive and the concat score; by default H.
        combine: whether f_t = tanh(W_c [c_t; s_t]), of size H, else [c_t; s_t].
        feed: "attentional" f_t, "context" c_t, or None. Without feeding, a target that is known is one call of the
            recurrent layers and one of the attention.
        settings: `kind`, `dropout`, `embedding_dropout`, `padding_idx`, `device`, `dtype` of StepwiseDecoder.

    Raises:
        ValueError: `feed` is none of the three.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        source_size: int | None = None,
        score: str = "general",
        attention_size: int | None = None,
        combine: bool = True,
        feed: str | None = "attentional",
        **settings: Any,
    ) -> None:
        if feed not in FEEDS:
            raise ValueError(f"feed should be 'attentional', 'context' or None, but got {feed!r}")
        K = source_size or hidden_size
        F = hidden_size if combine else hidden_size + K
        fed = {"attentional": F, "context": K, None: 0}[feed]
        super().__init__(num_embeddings, embedding_dim, embedding_dim + fed, hidden_size, num_layers, F, **settings)
        self.feed, self.fed_size = feed, fed
        self.attention = Attention(hidden_size, K, score, attention_size, **place(settings))
        self.combine = AttentionalOutput(K, hidden_size, hidden_size, **place(settings)) if combine else None

    def start(self, encoded: Encoded) -> State:
        """Return the encoder's last state, zeros to feed, and the encoder's outputs to attend to."""
        states, fed = self._fitting(encoded.states), None
        if self.feed is not None:
            like = encoded.outputs
            fed = minigrad.zeros(like.shape[1], self.fed_size, dtype=like.dtype, device=like.device)
        return State(states, fed, remember(self.attention, encoded))

    def advance(self, embedded: Tensor, state: State) -> tuple[Tensor, State, Tensor]:
        """Do a step of (2)."""
        assert state.memory is not None
        s_t, states = self._once(joined(embedded, state.fed), state.states)
        c_t, weights = self.attention.attend(s_t, state.memory)
        f_t = self._feature(c_t, s_t)
        fed = {"attentional": f_t, "context": c_t, None: None}[self.feed]
        return f_t, State(states, fed, state.memory), weights

    def forced(self, embedded: Tensor, state: State) -> Features:
        """Return f_t at all steps; in one call of the recurrent layers where nothing is fed."""
        if self.feed is not None:
            return self.unrolled(embedded, state)
        assert state.memory is not None
        s, _ = self._run(embedded, state.states)
        c, weights = self.attention.attend(s.transpose(0, 1), state.memory)
        return Features(self._feature(c.transpose(0, 1), s), weights.transpose(0, 1))

    def _feature(self, c: Tensor, s: Tensor) -> Tensor:
        return minigrad.cat([c, s], -1) if self.combine is None else self.combine(c, s)


def remember(attention: Attention, encoded: Encoded) -> Memory:
    """Return the encoder's outputs as keys and values."""
    return attention.prepare(encoded.outputs.transpose(0, 1), mask=encoded.mask)


def place(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the device and the dtype among a decoder's settings."""
    return {name: settings.get(name) for name in ("device", "dtype")}

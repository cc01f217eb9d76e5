"""Attention: a weighted mean of values, weighted by how well their keys fit a query.

For a query s (Q,), keys h_1 … h_S (K,) each and values v_1 … v_S:

    e_j = score(s, h_j),    α_j = exp(e_j) / Σ_k exp(e_k),    context = Σ_j α_j v_j                                     (1)

with a score of

    dot         sᵀ h                                  Luong et al. 2015, section 3.1                                    (2)
    general     sᵀ W h                                Luong et al. 2015, section 3.1                                    (3)
    concat      vᵀ tanh(W [s; h])                     Luong et al. 2015, section 3.1                                    (4)
    additive    vᵀ tanh(W s + U h)                    Bahdanau et al. 2015, appendix A.1.2                              (5)

A decoder asks the same keys at every step. What a score does with a key alone (W h, U h) is therefore done once, by
`prepare`; `attend` does the rest.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import minigrad
from minigrad import Tensor
from minigrad.arrays import backend
from minigrad.functions.attention import in_one

from .linear import Linear
from .module import Module


class Memory(NamedTuple):
    """What may be attended to: keys after `Attention.prepare`, their values, and which of them count."""

    keys: Tensor  # (B, S, ·), what the score makes of the keys alone
    values: Tensor  # (B, S, V)
    mask: Tensor | None  # bool, (B, 1, S) or (B, L, S): False gets no weight; in rows without any True all are True here
    idle: Tensor | None  # bool, (B, 1 or L, 1): the rows without any True; None where it is known that there are none
    given: Tensor | None  # the mask as it was given, which is `mask` where `idle` is None

    def select(self, rows: Tensor) -> Memory:
        """Return the memory whose batch entry i is entry rows[i] of this one."""
        keys = self.keys.index_select(0, rows)
        values = keys if self.values is self.keys else self.values.index_select(0, rows)
        mask, idle = (None if x is None else x.index_select(0, rows) for x in (self.mask, self.idle))
        given = mask if self.given is self.mask else self.given.index_select(0, rows)  # type: ignore[union-attr]
        return Memory(keys, values, mask, idle, given)


class Dot(Module):
    """e = sᵀ h (2). Q must equal K; there are no parameters.

    Raises:
        ValueError: Q ≠ K.
    """

    def __init__(self, query_size: int, key_size: int, hidden_size: int, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        if query_size != key_size:
            raise ValueError(
                f"the dot score needs queries and keys of one size, got {query_size} and {key_size}; score='general' does not"
            )

    def prepare(self, keys: Tensor) -> Tensor:
        """Return the keys as they are."""
        return keys

    def forward(self, query: Tensor, keys: Tensor) -> Tensor:
        """Return e (B, L, S), for queries (B, L, Q) and prepared keys (B, S, Q)."""
        return query @ keys.transpose(1, 2)


class General(Dot):
    """e = sᵀ W h (3), with W (Q, K)."""

    def __init__(self, query_size: int, key_size: int, hidden_size: int, device: Any = None, dtype: Any = None) -> None:
        super().__init__(query_size, query_size, hidden_size)
        self.W = Linear(key_size, query_size, bias=False, device=device, dtype=dtype)

    def prepare(self, keys: Tensor) -> Tensor:
        """Return W h (B, S, Q)."""
        return self.W(keys)


class Additive(Module):
    """e = vᵀ tanh(W s + U h) (5), with W (A, Q), U (A, K), v (1, A)."""

    def __init__(self, query_size: int, key_size: int, hidden_size: int, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.W = Linear(query_size, hidden_size, bias=False, device=device, dtype=dtype)
        self.U = Linear(key_size, hidden_size, bias=False, device=device, dtype=dtype)
        self.v = Linear(hidden_size, 1, bias=False, device=device, dtype=dtype)

    def prepare(self, keys: Tensor) -> Tensor:
        """Return U h (B, S, A)."""
        return self.U(keys)

    def forward(self, query: Tensor, keys: Tensor) -> Tensor:
        """Return e (B, L, S), for queries (B, L, Q) and prepared keys (B, S, A)."""
        return self.v(minigrad.tanh(self.W(query).unsqueeze(2) + keys.unsqueeze(1))).squeeze(3)


class Concat(Module):
    """e = vᵀ tanh(W [s; h]) (4), with W (A, Q + K), v (1, A).

    W [s; h] = W_s s + W_h h for the blocks of W, so that W_h h is done once for all queries.
    """

    def __init__(self, query_size: int, key_size: int, hidden_size: int, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.query_size = query_size
        self.W = Linear(query_size + key_size, hidden_size, bias=False, device=device, dtype=dtype)
        self.v = Linear(hidden_size, 1, bias=False, device=device, dtype=dtype)

    def prepare(self, keys: Tensor) -> Tensor:
        """Return W_h h (B, S, A)."""
        return keys @ self.W.weight[:, self.query_size :].t()

    def forward(self, query: Tensor, keys: Tensor) -> Tensor:
        """Return e (B, L, S), for queries (B, L, Q) and prepared keys (B, S, A)."""
        on_query = query @ self.W.weight[:, : self.query_size].t()
        return self.v(minigrad.tanh(on_query.unsqueeze(2) + keys.unsqueeze(1))).squeeze(3)


SCORES: dict[str, Any] = {"dot": Dot, "general": General, "concat": Concat, "additive": Additive}


class Attention(Module):
    """Attention by one of the four scores (2) to (5).

    Args:
        query_size: Q.
        key_size: K.
        score: "dot", "general", "concat" or "additive".
        hidden_size: A, of the additive and the concat score; by default Q.
        device: where the parameters live.
        dtype: their floating type.

    Raises:
        ValueError: there is no such score, or the dot score is to compare vectors of different sizes.
    """

    def __init__(
        self,
        query_size: int,
        key_size: int,
        score: str = "dot",
        hidden_size: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if score not in SCORES:
            raise ValueError(f"score should be one of {', '.join(SCORES)}, but got {score!r}")
        self.score = SCORES[score](query_size, key_size, hidden_size or query_size, device, dtype)
        self._multiplies = isinstance(self.score, Dot)  # so that some libraries do it all in one (functions/attention.py)

    def prepare(self, keys: Tensor, values: Tensor | None = None, mask: Tensor | None = None) -> Memory:
        """Do what does not depend on the query.

        Args:
            keys: (B, S, K).
            values: (B, S, V); by default the keys.
            mask: bool, (B, S) for all queries, or (B, L, S): where False, a query does not attend.

        Raises:
            ValueError: the mask is not bool or of another shape, or there are not as many values as keys.
        """
        values = keys if values is None else values
        if values.shape[:2] != keys.shape[:2]:
            raise ValueError(f"keys {tuple(keys.shape)} and values {tuple(values.shape)} should agree in (B, S)")
        if mask is None:
            return Memory(self.score.prepare(keys), values, None, None, None)
        mask = _checked(mask, keys)
        idle = ~mask.any(-1, keepdim=True)
        if backend(mask.array).known(idle.any().array) is False:  # one look here spares every query a second mask
            return Memory(self.score.prepare(keys), values, mask, None, mask)
        return Memory(self.score.prepare(keys), values, mask | idle, idle, mask)

    def attend(self, query: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Return the context and the weights α by (1), for one query per sequence or several.

        A query that may attend to nothing gets zeros for both, and passes on no gradient.

        Shapes:
            query (B, Q): context (B, V), α (B, S). query (B, L, Q): context (B, L, V), α (B, L, S).
        """
        if query.dim() == 2:
            context, weights = self.attend(query.unsqueeze(1), memory)
            return context.squeeze(1), weights.squeeze(1)
        if self._multiplies:
            found = in_one(query, memory.keys, memory.values, memory.given, False, 1.0)
            if found is not None:
                return found
        e = self.score(query, memory.keys)
        if memory.mask is not None:
            e = minigrad.where(memory.mask, e, float("-inf"))
        weights = e.softmax(-1)
        if memory.idle is not None:
            weights = minigrad.where(memory.idle, 0.0, weights)
        return weights @ memory.values, weights

    def forward(
        self, query: Tensor, keys: Tensor, values: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the context and the weights: `attend` after `prepare`, which say shapes and errors."""
        return self.attend(query, self.prepare(keys, values, mask))


class AttentionalOutput(Module):
    """h̃ = tanh(W_c [context; s]) (Luong et al. 2015, equation 5), with W_c (O, V + Q).

    Args:
        context_size: V.
        query_size: Q.
        output_size: O.
        device: where W_c lives.
        dtype: its floating type.
    """

    def __init__(self, context_size: int, query_size: int, output_size: int, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.W_c = Linear(context_size + query_size, output_size, bias=False, device=device, dtype=dtype)

    def forward(self, context: Tensor, s: Tensor) -> Tensor:
        """Return h̃ (*, O), for a context (*, V) and s (*, Q)."""
        return minigrad.tanh(self.W_c(minigrad.cat([context, s], -1)))


def _checked(mask: Tensor, keys: Tensor) -> Tensor:
    """Return a mask as (B, 1 or L, S)."""
    if mask.dtype is not minigrad.bool:
        raise ValueError(f"mask should be bool, True where a query may attend, but got {mask.dtype}")
    wide = mask.unsqueeze(1) if mask.dim() == 2 else mask
    B, S = keys.shape[:2]
    if wide.dim() != 3 or wide.shape[0] not in (1, B) or wide.shape[2] != S:
        raise ValueError(f"mask should be (B, S) or (B, L, S) with B = {B}, S = {S}, but got {tuple(mask.shape)}")
    return wide

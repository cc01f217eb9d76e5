"""Embedding: a table of vectors, looked up by id."""

from __future__ import annotations

from typing import Any

import minigrad
from minigrad import Tensor

from . import functional, init
from .module import Module
from .parameter import Parameter


class Embedding(Module):
    """y = W[ids].

    Args:
        num_embeddings: V, the number of ids.
        embedding_dim: E, the size of each vector.
        padding_idx: an id whose vector is zero at first and gets no gradient; negative counts from the end.
        sparse: keep the gradient of W by rows, those that were looked up: `weight.grad` is then row-sparse
            (minigrad.sparse), and a step of SGD, Adagrad or SparseAdam costs the rows of the batch, not the table.
        _weight: the table to start with, not a drawn one (`from_pretrained`).
        device: where the table lives.
        dtype: its floating type.

    Shapes:
        ids (*) of integers in [0, V), y (*, E); `weight` W (V, E).

    The entries of W are drawn from N(0, 1).

    Raises:
        AssertionError: `padding_idx` is not an id.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        sparse: bool = False,
        _weight: Tensor | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise AssertionError("Padding_idx must be within num_embeddings")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.sparse = sparse
        self.padding_idx = padding_idx % num_embeddings if padding_idx is not None else None
        if _weight is None:
            self.weight = Parameter(minigrad.empty(num_embeddings, embedding_dim, device=device, dtype=dtype))
            self.reset_parameters()
        elif tuple(_weight.shape) != (num_embeddings, embedding_dim):
            raise AssertionError("Shape of weight does not match num_embeddings and embedding_dim")
        else:
            self.weight = Parameter(_weight)

    @classmethod
    def from_pretrained(
        cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None, *, sparse: bool = False
    ) -> Embedding:
        """Return an Embedding that shares the memory of the table `embeddings` (V, E).

        Args:
            embeddings: the table.
            freeze: whether it is to stay as it is (`weight.requires_grad` False).
            padding_idx: an id that gets no gradient; its row is left as it is.
            sparse: keep the gradient by rows.

        Raises:
            AssertionError: the table is not 2-dimensional.
        """
        if embeddings.dim() != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        rows, columns = embeddings.shape
        embedding = cls(rows, columns, padding_idx, sparse=sparse, _weight=embeddings)
        embedding.weight.requires_grad_(not freeze)
        return embedding

    def reset_parameters(self) -> None:
        """Draw the table anew; the row of `padding_idx` is zero."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with minigrad.no_grad():
                self.weight[self.padding_idx].fill_(0)

    def forward(self, input: Tensor) -> Tensor:
        """Return the vectors of the ids."""
        return functional.embedding(input, self.weight, self.padding_idx, sparse=self.sparse)

    def extra_repr(self) -> str:
        """Return the sizes."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}{', sparse=True' * self.sparse}"

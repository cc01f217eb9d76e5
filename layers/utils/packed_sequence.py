"""PackedSequence: what packing (rnn.py) makes and recurrent layers take, the rows of a batch with their step sizes."""

from __future__ import annotations

from typing import Any, NamedTuple

import minigrad
from minigrad import Tensor


class _Packed(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Packed):
    """A batch of sequences without padding. The functions of this file make it; recurrent layers take and return it.

    Attributes:
        data: the rows of all steps, (N, …) with N the sum of the lengths.
        batch_sizes: how many rows belong to step t, (T,) of int64 on the CPU; never growing.
        sorted_indices: which sequence of the caller's batch each column is, (B,) of int64 on the device of `data`; None where
            the caller's order is kept.
        unsorted_indices: the inverse permutation.

    Raises:
        ValueError: `batch_sizes` is not on the CPU.
        AssertionError: there are no `batch_sizes`, and `data` is not a pair (data, batch_sizes) either.
    """

    def __new__(
        cls,
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        """Take the parts, or a pair (data, batch_sizes); what `unsorted_indices` lacks comes from `sorted_indices`."""
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            if not (isinstance(data, (list, tuple)) and len(data) == 2):
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. Instances of PackedSequence should never be created manually. They "
                "should be instantiated by functions like pack_sequence and pack_padded_sequences in nn.utils.rnn. "
                "https://pytorch.org/docs/stable/nn.html#torch.nn.utils.rnn.pack_sequence"
            )
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Return it with `data.to(...)` and the indices on the same device; itself where that changes nothing."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        indices = (None if i is None else i.to(data.device) for i in (self.sorted_indices, self.unsorted_indices))
        return type(self)(data, self.batch_sizes, *indices)

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Return it on the GPU; arguments as for `to`."""
        return self._on("cuda", *args, **kwargs)

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Return it on the CPU; arguments as for `to`."""
        return self._on("cpu", *args, **kwargs)

    def _on(self, kind: str, *args: Any, **kwargs: Any) -> PackedSequence:
        """Do `to`, with a device of this kind where the arguments do not lead to one."""
        target = minigrad.empty(0, dtype=self.data.dtype, device=self.data.device).to(*args, **kwargs)
        return self.to(*args, **kwargs) if target.device.type == kind else self.to(*args, **{**kwargs, "device": kind})

    def pin_memory(self) -> PackedSequence:
        """Return it as it is: minigrad's copies to a GPU gain nothing from pinned memory."""
        return self

    def is_pinned(self) -> bool:
        """Return False."""
        return False

    @property
    def is_cuda(self) -> bool:
        """Whether `data` is on a GPU."""
        return self.data.device.type == "cuda"

    def double(self) -> PackedSequence:
        """Return it with `data` of float64."""
        return self.to(dtype=minigrad.float64)

    def float(self) -> PackedSequence:
        """Return it with `data` of float32."""
        return self.to(dtype=minigrad.float32)

    def half(self) -> PackedSequence:
        """Return it with `data` of float16."""
        return self.to(dtype=minigrad.float16)

    def long(self) -> PackedSequence:
        """Return it with `data` of int64."""
        return self.to(dtype=minigrad.int64)

    def int(self) -> PackedSequence:
        """Return it with `data` of int32."""
        return self.to(dtype=minigrad.int32)

    def short(self) -> PackedSequence:
        """Return it with `data` of int16."""
        return self.to(dtype=minigrad.int16)

    def char(self) -> PackedSequence:
        """Return it with `data` of int8."""
        return self.to(dtype=minigrad.int8)

    def byte(self) -> PackedSequence:
        """Return it with `data` of uint8."""
        return self.to(dtype=minigrad.uint8)


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """Return the inverse p⁻¹ of a permutation p (n,): p⁻¹[p[i]] = i; None of None."""
    if permutation is None:
        return None
    places = minigrad.arange(permutation.numel(), dtype=permutation.dtype, device=permutation.device)
    return minigrad.empty_like(permutation).scatter_(0, permutation, places)

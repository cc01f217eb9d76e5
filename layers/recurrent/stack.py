"""Layers, directions, dropout and packing: what RNN, LSTM and GRU share around the sequence of one cell."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import minigrad
from minigrad import Tensor, arrays
from minigrad.modes import mode
from minigrad.ops.rule import recorded

from .. import functional, init
from ..module import Module
from ..parameter import Parameter
from ..utils.rnn import PackedSequence
from .buffers import Pool
from .door import Sequences, check_settings, enter, leave, probability
from .how import check_precision, has_kernel
from .piecewise import piecewise
from .schedule import Checkpoint, check_checkpoint
from .unrolled import unrolled

States = tuple[Tensor, ...]


class Recurrent(Module):
    """A stack of recurrent layers; RNN, LSTM and GRU say which cell.

    Args:
        input_size: I.
        hidden_size: H.
        num_layers: L; layer k > 0 reads the output of layer k − 1.
        bias: whether there are b_ih and b_hh.
        batch_first: input and output are (B, T, ·), not (T, B, ·). The states are (…, B, ·) all the same.
        dropout: the probability of zeroing an element of the output of each layer but the last, in training.
        bidirectional: a second cell per layer runs from the last step to the first; outputs are concatenated.
        proj_size: P (LSTM only): h_t is W_hr times the cell's output.
        device: where the weights live.
        dtype: their floating type.
        fused: whether a whole sequence is one op where there is a kernel for it. False makes the same function a graph of
            ops, step by step.
        checkpoint: what to keep for the backward pass, which runs the rest again. "sqrt": the states about every √T steps; a
            number k: every k steps; a Budget: so many states, laid best (schedule.py); None: all that the steps computed.
            Not in PyTorch. Gradients of higher order keep everything.
        recurrent_dropout: the probability of zeroing an element of h_{t−1} on its way into W_hh, in training; what is left is
            divided by 1 − p. The mask is drawn once per sequence, direction and layer and is the same at all steps (Gal and
            Ghahramani 2016, section 4). Not in PyTorch; a training sequence with it is a graph of ops.
        precision: what a fused float32 sequence on a GPU rounds the operands of its matrix products to: "tf32" (10 bits after
            the point, as PyTorch's layers do there by default), "bfloat16" (7 bits) or "float16" (10 bits, gradients below
            6e-8 are lost). Sums, gates and states are float32 all the same. None: nothing is rounded. Not in PyTorch.

    Shapes, with D = 2 if bidirectional, else 1:
        x (T, B, I), (B, T, I), (T, I) or a PackedSequence; y (T, B, D·H) alike; states (D·L, B, H), or (D·L, H) unbatched.
        `weight_ih_l{k}` (g·H, I or D·H), `weight_hh_l{k}` (g·H, H), `bias_ih_l{k}`, `bias_hh_l{k}` (g·H,), for g gates;
        those of the reverse direction end in `_reverse`.

    All weights are drawn from U(−1/√H, 1/√H).

    Raises:
        ValueError: a size is not positive, dropout is no probability, or `checkpoint` or `precision` is none of those named.
        TypeError: a size is not an integer.
    """

    gates: ClassVar[int]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
        *,
        fused: bool = True,
        checkpoint: Checkpoint = None,
        recurrent_dropout: float = 0.0,
        precision: str | None = None,
    ) -> None:
        super().__init__()
        check_settings(input_size, hidden_size, num_layers, bias, batch_first, dropout, proj_size)
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self.fused = fused
        self.recurrent_dropout = probability("recurrent_dropout", recurrent_dropout)
        check_checkpoint(checkpoint)
        self.checkpoint = checkpoint
        check_precision(precision)
        self.precision = precision
        self._pool = Pool()
        self.trace: Any = None  # a layers.bptt.Trace while one is open
        self._names: dict[tuple[int, bool], dict[str, str]] = {}
        for layer in range(num_layers):
            for reverse in (False, True)[: self.directions]:
                names = self._names[layer, reverse] = {}
                for name, shape in self.shapes(layer).items():
                    names[name] = f"{name}{suffix(layer, reverse)}"
                    weight = Parameter(minigrad.empty(*shape, device=device, dtype=dtype))
                    self.register_parameter(names[name], weight)
        self.reset_parameters()

    @property
    def directions(self) -> int:
        """2 if bidirectional, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def ways(self) -> dict[str, str]:
        """How the latest sequence was run on a GPU, "forward" and "backward": "persistent", "graph" or "loop" (gpu.py)."""
        return dict(self._pool.ways)

    @property
    def output_size(self) -> int:
        """The size of h_t: H, or P where it is projected."""
        return self.proj_size or self.hidden_size

    def shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the weights of one direction of a layer, in PyTorch's order."""
        rows = self.gates * self.hidden_size
        inputs = self.input_size if layer == 0 else self.directions * self.output_size
        found: dict[str, tuple[int, ...]] = {"weight_ih": (rows, inputs), "weight_hh": (rows, self.output_size)}
        if self.bias:
            found |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            found["weight_hr"] = (self.proj_size, self.hidden_size)
        return found

    def state_sizes(self) -> tuple[int, ...]:
        """Return the size of each state, h first."""
        return (self.output_size,)

    def weights(self, layer: int = 0, reverse: bool = False) -> dict[str, Tensor]:
        """Return the weights of one direction of a layer: "weight_ih", "weight_hh", and what else there is."""
        mine = self._parameters
        return {name: mine[full] for name, full in self._names[layer, reverse].items()}  # type: ignore[misc]

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The weights of each direction of each layer."""
        sides = (False, True)[: self.directions]
        return [list(self.weights(layer, reverse).values()) for layer in range(self.num_layers) for reverse in sides]

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        bound = 1 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Do nothing: PyTorch's cuDNN wants its weights in one block of memory, minigrad does not."""

    # ------------------------------------------------------------------ the cell, said by subclasses

    @abstractmethod
    def step(self, x: Tensor, states: States, layer: int = 0, reverse: bool = False, mask: Tensor | None = None) -> States:
        """Return the states after one step from x (B, I) and the states before it, (B, ·) each, by the cell's definition.

        What W_hh multiplies is h_{t−1} ⊙ mask, where there is a mask.
        """

    def sequence_op(self) -> Callable[..., tuple[Tensor, ...]] | None:
        """Return the fused op (x, *states, W_ih, W_hh, b_ih, b_hh, *, sizes, reverse, keep, trace), or None without one."""
        return None

    # ------------------------------------------------------------------ the stack

    def _run(self, given: Sequences) -> tuple[Tensor, list[Tensor]]:
        """Return y and the states at the end, (L·D, B, ·) each."""
        x, ends = given.x, []
        for layer in range(self.num_layers):
            outputs = []
            for reverse in (False, True)[: self.directions]:
                k = layer * self.directions + reverse
                start = self._start(given, k)
                y, *end = self._sequence(x, start, layer, reverse, given.sizes, given.states is None)
                outputs.append(y)
                ends.append(end)
            x = outputs[0] if len(outputs) == 1 else minigrad.cat(outputs, -1)
            if self.dropout and layer < self.num_layers - 1:
                x = functional.dropout(x, self.dropout, self.training)
        if len(ends) == 1:
            return x, ends[0]
        return x, [minigrad.stack(list(states)) for states in zip(*ends)]

    def _start(self, given: Sequences, k: int) -> States:
        """Return the states before the first step of cell k: (B, ·) each, or (1, B, ·) where it is the only cell."""
        alone = self.num_layers * self.directions == 1
        if given.states is not None:
            return tuple(given.states) if alone else tuple(state[k] for state in given.states)
        x, lead = given.x.array, (1,) * alone
        shapes = [(*lead, given.batch, n) for n in self.state_sizes()]
        zeros, dtype = arrays.backend(x).zeros, arrays.element_type(x)
        return tuple(Tensor.wrap(zeros(shape, dtype, given.x.device)) for shape in shapes)

    def _sequence(
        self, x: Tensor, states: States, layer: int, reverse: bool, sizes: tuple[int, ...] | None, fresh: bool
    ) -> tuple[Tensor, ...]:
        """Return y and the states at the end of one direction of one layer: by the kernel, or step by step.

        `fresh` says that `states` are zeros that no user gave.
        """
        dropping = self.recurrent_dropout > 0 and self.training
        op = self.sequence_op() if self.fused and not dropping and has_kernel(x.array) else None
        if op is None and self.trace is not None and self.checkpoint is not None:
            raise RuntimeError(
                f"{type(self).__name__}: a checkpointed layer can be traced where its sequence is one fused op; this one is a "
                "graph of ops, whose steps would be run, and seen, twice. Set `checkpoint` to None while it is traced."
            )
        trace = None if self.trace is None else self.trace.open(self, x, states, layer, reverse, sizes)
        if op is None:
            return self._unrolled(x, states, layer, reverse, sizes, trace)
        weights = self.weights(layer, reverse)
        args = (x, *states, weights["weight_ih"], weights["weight_hh"], weights.get("bias_ih"), weights.get("bias_hh"))
        keep = mode.recording and any(a is not None and a.requires_grad for a in args)
        how = {"checkpoint": self.checkpoint, "pool": self._pool, "precision": self.precision, "fresh": fresh}
        found = op(*args, sizes=sizes, reverse=reverse, keep=keep, trace=trace, **how)
        if trace is not None:
            trace.forward(found)
        return found[: 1 + len(states)]

    def _unrolled(
        self, x: Tensor, states: States, layer: int, reverse: bool, sizes: tuple[int, ...] | None, trace: Any
    ) -> tuple[Tensor, ...]:
        """Return the same by the cell's definition, as a graph of ops."""
        mask: Tensor | None = None
        if self.recurrent_dropout > 0 and self.training:
            ones = minigrad.ones(*states[0].shape[-2:], dtype=x.dtype, device=x.device)
            mask = functional.dropout(ones, self.recurrent_dropout)

        def step(x: Tensor, states: States) -> States:
            return self.step(x, states, layer, reverse, None if mask is None else mask[: x.shape[0]])

        def run(x: Tensor, states: States, sizes: tuple[int, ...] | None) -> States:
            return unrolled(recorded(), step if trace is None else trace.watch(step, mask), x, states, sizes, reverse)

        if self.checkpoint is None or not mode.recording:
            return run(x, states, sizes)
        return piecewise(run, x, states, sizes, reverse, self.checkpoint)

    def _enter(self, input: Tensor | PackedSequence, hx: Sequence[Tensor] | None) -> Sequences:
        weight = self._parameters["weight_ih_l0"]
        assert weight is not None
        cells = self.num_layers * self.directions
        return enter(type(self).__name__, input, hx, self.batch_first, weight, self.state_sizes(), cells)

    def _through(self, input: Tensor | PackedSequence, hx: Sequence[Tensor] | None) -> tuple[Any, list[Tensor]]:
        """Return y and the states at the end, in the form of the input."""
        given = self._enter(input, hx)
        return leave(given, *self._run(given))

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that differ from the defaults."""
        defaults = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        defaults["recurrent_dropout"] = 0.0
        changed = [f"{name}={getattr(self, name)}" for name, default in defaults.items() if getattr(self, name) != default]
        sizes = f"{self.input_size}, {self.hidden_size}" + (f", proj_size={self.proj_size}" if self.proj_size else "")
        own = {"checkpoint": self.checkpoint, "precision": self.precision}
        changed += [f"{name}={value!r}" for name, value in own.items() if value is not None]
        return ", ".join([sizes, *changed])


class OneState(Recurrent):
    """A stack whose only state is h: RNN and GRU."""

    def forward(self, input: Tensor | PackedSequence, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        """Return y and h_n; without `hx` the state before the first step is zero (see Recurrent for shapes and errors)."""
        y, (h_n,) = self._through(input, None if hx is None else [hx])
        return y, h_n


def suffix(layer: int, reverse: bool) -> str:
    """Return what the names of a layer's weights end in."""
    return f"_l{layer}{'_reverse' if reverse else ''}"

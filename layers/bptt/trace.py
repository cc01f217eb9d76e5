"""The trace: every state, gate and gradient of a recurrent layer, at every step.

    with bptt.trace(lstm) as trace:
        y, (h, c) = lstm(x)
        loss_of(y).backward()
    s = trace[0]                      # layer 0; trace[1, "reverse"]
    s.h, s.gates["f"], s.dh, …        # steps.py

A layer tells an open trace what it is given, and what its fused op's backward pass finds; around the steps of an unrolled
layer, and of a cell that the user calls in a loop, it puts taps (taps.py). What is traced is copied (call.py), so that it
stays what it was when weights and inputs change. A layer that is not traced asks one attribute, and finds None.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

import minigrad
from minigrad import Tensor
from minigrad.graph import RemovableHandle

from ..module import Module
from ..recurrent import Recurrent
from ..recurrent.cell import Cell
from ..utils.packed_sequence import PackedSequence
from .call import Record, States, copy
from .cells import Weights
from .steps import Steps
from .taps import Tap

Key = int | tuple[int, str]
"""A layer, or a layer and a direction: 0, (1, "reverse")."""


class Call:
    """A call of a module, or several of which each started from the very state with which the one before ended."""

    def __init__(self, name: str, module: Module, chainable: bool) -> None:
        self.name, self.module, self.chainable = name, module, chainable
        self.parts: list[dict[tuple[int, bool], Record]] = []
        self._ended: list[weakref.ref[Tensor]] = []

    def add(self, records: dict[tuple[int, bool], Record], states: Sequence[Tensor]) -> None:
        """Append a call that ended with these states, as the user has them."""
        self.parts.append(records)
        self._ended = [weakref.ref(state) for state in states]

    def goes_on(self, states: Sequence[Tensor], weights: Sequence[Weights]) -> bool:
        """Return True if a call that starts from `states`, with these weights, continues this one."""
        if not self.chainable or len(states) != len(self._ended):
            return False
        same = all(old() is new for old, new in zip(self._ended, states))
        return same and all(record.weights is w for record, w in zip(self.parts[-1].values(), weights))

    def __getitem__(self, key: Key) -> Steps:
        """Return all steps of one direction of one layer.

        Raises:
            IndexError: there is no such layer or direction.
        """
        layer, direction = key if isinstance(key, tuple) else (key, "forward")
        layers = 1 + max(layer for layer, _ in self.parts[0])
        place = (layer + layers if layer < 0 else layer, direction == "reverse")
        if place not in self.parts[0] or direction not in ("forward", "reverse"):
            sides = '"forward" and "reverse"' if (0, True) in self.parts[0] else '"forward" alone'
            raise IndexError(f"{self.name} has {layers} layer(s) and direction {sides}; there is no [{layer}, {direction!r}]")
        return Steps([part[place] for part in self.parts], f"{self.name}[{place[0]}{', reverse' if place[1] else ''}]")


class Traced:
    """The calls of one module inside a trace. `traced[0]` is layer 0 where all calls continue one another.

    Attributes:
        calls: each a call, or a chain of calls; `calls[i][0]` is layer 0 in the i-th. Calls of a bidirectional layer and
            calls with packed input stand for themselves.
    """

    def __init__(self, name: str, module: Module, graph: bool = False) -> None:
        self.name, self.module, self._graph = name, module, graph
        self.calls: list[Call] = []
        self._handles: list[RemovableHandle] = []
        self._now: _Running | None = None
        self._weights: dict[tuple[int, bool], tuple[list[tuple[Any, int]], Weights]] = {}

    def __getitem__(self, key: Key) -> Steps:
        """Return all steps of one direction of one layer (see Call).

        Raises:
            RuntimeError: the module was not called, or called several times from states of their own.
        """
        if not self.calls:
            raise RuntimeError(f"{self.name} was not called inside the trace")
        if len(self.calls) > 1:
            raise RuntimeError(
                f"{self.name} was called {len(self.calls)} times, not each from the state with which the call before ended: "
                f"say which call, trace.calls[i][{key!r}] with i < {len(self.calls)}"
            )
        return self.calls[0][key]

    # ------------------------------------------------------------------ attached to the module

    def check(self) -> None:
        """Refuse a module that is being traced already."""
        if any(isinstance(getattr(hook, "__self__", None), Traced) for hook, _ in self.module._forward_hooks.values()):
            raise RuntimeError(f"{self.name} is being traced already")

    def attach(self) -> None:
        """Listen to the module."""
        self._handles = [
            self.module.register_forward_pre_hook(self._begin, with_kwargs=True),
            self.module.register_forward_hook(self._end),
        ]
        if isinstance(self.module, Recurrent):
            self.module.trace = self

    def detach(self) -> None:
        """Leave the module as it was."""
        for handle in self._handles:
            handle.remove()
        self._handles, self._now = [], None
        if isinstance(self.module, Recurrent):
            self.module.trace = None

    def _begin(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """See what the module is called with; a cell gets its states tapped, as a layer does that is to be differentiated."""
        input, hx = _arguments(*args, **kwargs)
        states = () if hx is None else (hx,) if isinstance(hx, Tensor) else tuple(hx)
        self._now = _Running(input, states, Tap(self._graph))
        if hx is None or (isinstance(module, Recurrent) and not self._graph):
            return None
        tapped = self._now.tap.enter(states)
        return (input, tapped[0] if isinstance(hx, Tensor) else tapped), {}

    def open(
        self, module: Recurrent, x: Tensor, states: States, layer: int, reverse: bool, sizes: tuple[int, ...] | None
    ) -> Record:
        """Return the record of a sequence that a layer is about to run.

        Raises:
            RuntimeError: `forward` was called, not the module.
        """
        if self._now is None:
            raise RuntimeError(f"{self.name} is traced: call the module itself, not its `forward`, which knows no hooks")
        columns = self._now.input.unsorted_indices if isinstance(self._now.input, PackedSequence) else None
        record = Record(module, self._weights_of(layer, reverse), x, states, sizes, columns, reverse, self._graph)
        self._now.records[layer, reverse] = record
        return record

    def _end(self, module: Module, args: tuple[Any, ...], output: Any) -> Any:
        """Take the states at the end, and find the call that this one continues."""
        now, self._now = self._now, None
        assert now is not None
        if isinstance(module, Recurrent):
            ends, output = output[1], None
        else:
            ends = output = self._leave_cell(now, output)
        single = not isinstance(module, Recurrent) or not module.bidirectional
        chainable = single and not isinstance(now.input, PackedSequence)
        weights = [record.weights for record in now.records.values()]
        known = reversed(self.calls) if chainable and now.states else ()
        call = next((call for call in known if call.goes_on(now.states, weights)), None)
        if call is None:
            call = Call(self.name, self.module, chainable)
            self.calls.append(call)
        call.add(now.records, _tuple(ends))
        return output

    def _leave_cell(self, now: _Running, output: Any) -> Any:
        """Record a cell's step; return its outputs, tapped."""
        states = now.states or tuple(map(minigrad.zeros_like, _tuple(output)))
        if not now.states:
            now.tap.enter(states)
        x = now.input.detach().reshape(1, -1, now.input.shape[-1])
        record = Record(self.module, self._weights_of(0, False), x, states, graph=self._graph)
        tapped = now.tap.leave(_tuple(output))
        record.single(now.tap)
        now.records[0, False] = record
        return tapped if isinstance(output, tuple) else tapped[0]

    def _weights_of(self, layer: int, reverse: bool) -> Weights:
        """Return a copy of the weights, the same one as long as they do not change."""
        if isinstance(self.module, Recurrent):
            found = self.module.weights(layer, reverse)
        else:
            found = dict(self.module.named_parameters())
        stamps = [(w.array, w._version) for w in found.values()]
        known = self._weights.get((layer, reverse))
        if known is not None and all(a is b and m == n for (a, m), (b, n) in zip(known[0], stamps)):
            return known[1]
        copies = {name: copy(w) for name, w in found.items()}
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr", "weight_ch")
        weights = Weights(*(copies.get(name) for name in names))  # type: ignore[arg-type]
        self._weights[layer, reverse] = stamps, weights
        return weights


class _Running:
    """A call of a module that has begun."""

    def __init__(self, input: Any, states: States, tap: Tap) -> None:
        self.input, self.states, self.tap = input, states, tap
        self.records: dict[tuple[int, bool], Record] = {}


class Trace:
    """Every recurrent layer and cell of a module, traced while the `with` lasts: `with bptt.trace(module) as trace:`.

    All that runs inside is kept: open it around a training step, not around the training. Backward passes of what was computed
    inside are still recorded after it. The gradients of several backward passes add up, as those in `.grad` do;
    `forget_gradients()` starts again.

    Args:
        module: RNN, LSTM, GRU, one of their cells, or any module that contains some.
        graph: keep the states inside the graph, for flow.py, instead of the gradients that pass.

    Raises:
        ValueError: there is nothing recurrent in it.
        RuntimeError: (on entering) it is being traced already.
    """

    def __init__(self, module: Module, *, graph: bool = False) -> None:
        kind = type(module).__name__
        self.modules = {
            name: Traced(f"{kind}.{name}" if name else kind, part, graph)
            for name, part in module.named_modules()
            if isinstance(part, (Recurrent, Cell))
        }
        if not self.modules:
            raise ValueError(f"there is no RNN, LSTM, GRU or cell of one in {kind}: nothing to trace")

    def __enter__(self) -> Trace:
        for traced in self.modules.values():
            traced.check()
        for traced in self.modules.values():
            traced.attach()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        for traced in self.modules.values():
            traced.detach()

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of what is traced."""
        return iter(self.modules)

    def __getitem__(self, key: str | Key) -> Any:
        """Return the `Traced` of a name, `trace["encoder"]`, or, where one module is traced, a layer's steps: `trace[0]`.

        Raises:
            KeyError: there is no module of this name.
            RuntimeError, IndexError: see Traced and Call.
        """
        if not isinstance(key, str):
            return self._only[key]
        if key not in self.modules:
            raise KeyError(f"no recurrent module is named {key!r}; there are {list(self.modules)}")
        return self.modules[key]

    @property
    def calls(self) -> list[Call]:
        """The calls of the one module that is traced."""
        return self._only.calls

    @property
    def _only(self) -> Traced:
        if len(self.modules) > 1:
            raise KeyError(f"several recurrent modules are traced: say which, trace[name], of {list(self.modules)}")
        return next(iter(self.modules.values()))

    def forget_gradients(self) -> None:
        """Drop all gradients, so that the next backward pass stands for itself."""
        for record in self.records():
            record.forget()

    def records(self) -> Iterator[Record]:
        """Yield what has been recorded, call by call."""
        for traced in self.modules.values():
            for call in traced.calls:
                for part in call.parts:
                    yield from part.values()


trace = Trace


def _arguments(input: Any, hx: Any = None) -> tuple[Any, Any]:
    return input, hx


def _tuple(states: Any) -> tuple[Tensor, ...]:
    return states if isinstance(states, tuple) else (states,)

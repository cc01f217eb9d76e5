"""Random numbers: generators, and the default one of each thread.

The stream is minigrad's own (NumPy's PCG64-DXSM on the CPU, Philox4x32-10 on a GPU): the same seed gives the same numbers in
every run, but not PyTorch's, and not the same on the CPU as on a GPU.

**Threads.** Every thread draws from default generators of its own, so threads never disturb each other's numbers.
`manual_seed` seeds those of the thread that calls it. Called in the main thread, it also fixes what threads that have not
drawn yet will start from: the k-th thread (k = 0, 1, …) to draw for the first time since then derives its seed from (seed, k).
A thread that has drawn already goes on with its own stream. So a run is repeated exactly if the threads first draw in the
same order; a thread that must not depend on the order calls `manual_seed` itself, or is handed a `Generator`.
Before any `manual_seed`, seeds come from the operating system and differ from run to run.
"""

from __future__ import annotations

import contextlib
import operator
import secrets
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from . import arrays, dtypes
from .arrays import Array, Device, backend_for
from .tensor import Tensor

__all__ = ["Generator", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]

UNSEEDED = 67280421310721
"""The seed of `Generator()`, PyTorch's; the streams differ all the same."""

_SEED_BYTES = 8


class Generator:
    """A stream of random numbers of one's own: `Generator("cuda").manual_seed(0)`, handed over as `generator=`.

    Args:
        device: where it draws; only tensors there can be drawn with it.
    """

    def __init__(self, device: Any = "cpu") -> None:
        self.device = Device.of(device)
        self.manual_seed(UNSEEDED)

    def manual_seed(self, seed: int) -> Generator:
        """Start again at `seed`, from −2^63 to 2^64 − 1 (a negative one counts from 2^64), and return the generator."""
        if isinstance(seed, float) or not hasattr(seed, "__index__"):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        self._seed = _unsigned(operator.index(seed))
        self._stream = backend_for(self.device).stream(self._seed, self.device)
        return self

    def seed(self) -> int:
        """Start again at a seed from the operating system, and return it."""
        self.manual_seed(secrets.randbits(64))
        return self._seed

    def initial_seed(self) -> int:
        """Return the seed that the stream started from."""
        return self._seed

    def get_state(self) -> Tensor:
        """Return where the stream stands, as a uint8 tensor on the CPU."""
        state = self._seed.to_bytes(_SEED_BYTES, "little") + self._stream.state
        return Tensor.wrap(np.frombuffer(state, np.uint8).copy())

    def set_state(self, new_state: Tensor) -> Generator:
        """Go back to where `get_state` was called, and return the generator.

        Raises:
            TypeError: the state is not a uint8 tensor.
            RuntimeError: it is not a state of a generator on this device.
        """
        if not isinstance(new_state, Tensor):
            raise TypeError(f"expected a torch.ByteTensor, but got {type(new_state).__name__}")
        if new_state.dtype is not dtypes.uint8:
            raise TypeError(f"RNG state must be a torch.ByteTensor, got {new_state.dtype}")
        state = np.ascontiguousarray(arrays.to_numpy(new_state.array)).tobytes()
        expected = _SEED_BYTES + self._stream.state_size
        if len(state) != expected:
            raise RuntimeError(
                f"Expected a state of a generator on '{self.device}', of size {expected}, but found the input RNG state size "
                f"to be {len(state)}"
            )
        self.manual_seed(int.from_bytes(state[:_SEED_BYTES], "little"))
        self._stream.state = state[_SEED_BYTES:]
        return self

    def __repr__(self) -> str:
        return f"<minigrad.Generator device='{self.device}' seed={self._seed}>"

    # ---- draws, as bare arrays on the generator's device, for ops and layers

    def uniform(self, shape: Sequence[int], dtype: Any = None) -> Array:
        """Return draws from U[0, 1) in a floating type, the default one if None; float32 is drawn as float32."""
        return self._stream.uniform(tuple(shape), _floating(dtype))

    def normal(self, shape: Sequence[int], dtype: Any = None) -> Array:
        """Return draws from N(0, 1) in a floating type, the default one if None."""
        return self._stream.normal(tuple(shape), _floating(dtype))

    def exponential(self, shape: Sequence[int], dtype: Any = None) -> Array:
        """Return draws from the density e^−x, x > 0, as −ln(1 − u); u = 0 gives ε/2 (ε: the type's resolution), not 0."""
        target = _floating(dtype)
        u = self._stream.uniform(tuple(shape), target)
        xp = arrays.namespace(u)
        draws = -xp.log1p(-u)
        return xp.where(u == 0, xp.zeros_like(u) + float(np.finfo(target).eps) / 2, draws)

    def integers(self, low: int, high: int, shape: Sequence[int], dtype: Any = dtypes.int64) -> Array:
        """Return integers drawn evenly from low, …, high − 1."""
        return self._stream.integers(low, high, tuple(shape), dtypes.dtype.of(dtype).dtype)

    def dropout_mask(self, shape: Sequence[int], p: float, dtype: Any) -> Array:
        """Return m / (1 − p) in a floating type, every m being 0 with probability p < 1, else 1."""
        return self._stream.dropout_mask(tuple(shape), p, _floating(dtype))

    def permutation(self, n: int) -> Array:
        """Return 0, …, n − 1 as int64 in an order drawn evenly from all n!."""
        return self._stream.permutation(n)


def _unsigned(seed: int) -> int:
    """Return a seed as a number of 64 bits without a sign."""
    if not -(2**63) <= seed < 2**64:
        raise ValueError(f"Overflow when unpacking long long: the seed {seed} is outside of -2^63 ... 2^64 - 1")
    return seed % 2**64


def _floating(dtype: Any) -> np.dtype[Any]:
    target = dtypes.default() if dtype is None else dtypes.dtype.of(dtype)
    if target.category != dtypes.FLOAT:
        raise NotImplementedError(f"random numbers of this kind are floating-point, not {target}")
    return target.dtype


# ---- the default generators


class _Newcomers:
    """What threads that draw for the first time derive their seeds from."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.start(secrets.randbits(64))

    def start(self, seed: int) -> None:
        """Let the next thread to come be the first of `seed`."""
        with self._lock:
            self._seed, self._count = seed, 0

    def next_seed(self) -> int:
        """Return the seed of a thread that has come."""
        with self._lock:
            sequence = np.random.SeedSequence(self._seed, spawn_key=(self._count,))
            self._count += 1
        return int(sequence.generate_state(1, np.uint64)[0])


_newcomers = _Newcomers()


class _Thread(threading.local):
    """One thread's seed, and its default generators by device (made when first asked for)."""

    def __init__(self) -> None:
        self.seed = _newcomers.next_seed()
        self.generators: dict[Device, Generator] = {}


_thread = _Thread()


def default_generator(device: Any = None) -> Generator:
    """Return this thread's generator for a device (None: the CPU), which is drawn from where no `generator=` is given."""
    place = Device.of(device)
    found = _thread.generators.get(place)
    if found is None:
        found = _thread.generators[place] = Generator(place).manual_seed(_thread.seed)
    return found


def chosen(generator: Generator | None, device: Any, what: str) -> Generator:
    """Return the generator that `what` draws from on a device: the one given, or the default one.

    Raises:
        TypeError: what was given is not a Generator.
        RuntimeError: it draws on another device.
    """
    place = Device.of(device)
    if generator is None:
        return default_generator(place)
    if not isinstance(generator, Generator):
        raise TypeError(f"{what}(): argument 'generator' must be Generator, not {type(generator).__name__}")
    if generator.device != place:
        raise RuntimeError(f"{what}: Expected a '{place}' device type for generator but found '{generator.device}'")
    return generator


def manual_seed(seed: Any) -> Generator:
    """Seed this thread's default generators, on every device, and return the CPU's. What it means to other threads: see above.

    The stream is minigrad's own, not PyTorch's.

    Raises:
        ValueError: the seed is outside of −2^63 … 2^64 − 1.
    """
    _thread.seed = _unsigned(int(seed))
    for generator in _thread.generators.values():
        generator.manual_seed(_thread.seed)
    if threading.current_thread() is threading.main_thread():
        _newcomers.start(_thread.seed)
    return default_generator()


def seed() -> int:
    """Seed this thread's default generators from the operating system, and return the seed."""
    return manual_seed(secrets.randbits(64)).initial_seed()


def initial_seed() -> int:
    """Return the seed that this thread's default CPU generator started from."""
    return default_generator().initial_seed()


def get_rng_state() -> Tensor:
    """Return where this thread's default CPU generator stands, as a uint8 tensor."""
    return default_generator().get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Set this thread's default CPU generator to where `get_rng_state` was called."""
    default_generator().set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True) -> Iterator[None]:
    """Run a block after which this thread's default generators stand where they stood before it.

    Those of all devices do, whichever `devices` names. With `enabled=False` the block is an ordinary one.
    """
    states = {place: generator.get_state() for place, generator in _thread.generators.items()} if enabled else {}
    began = _thread.seed
    try:
        yield
    finally:
        if enabled:
            _thread.seed = began
            for place in list(_thread.generators):
                if place in states:
                    _thread.generators[place].set_state(states[place])
                else:
                    del _thread.generators[place]

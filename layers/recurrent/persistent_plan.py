"""How a segment is cut among the blocks of a persistent launch, so that W_hh fits on the chip.

**What is on the chip.** Forward, a block owns `units` hidden units with all their g gates: a slice (H, units·g) of W_hh.
Backward it owns `units` of W_hh's columns, for the z-th of `parts` parts of its g·H rows: (g·H/parts, units). An element takes
s bytes: 4 in float32 and TF32, 2 in bfloat16 and float16, 8 in float64. Beside the slice there are two tiles, `rows` × `depth`,
of what it is multiplied with, and later in their place the sums that the product's parts make (`Launch.bytes` counts both):

    bytes of a block = s·H·units·g, or s·g·H·units/parts, and 5 to 90 KB
    blocks           = ⌈H/units⌉ · shares of the rows · parts ≤ multiprocessors, since all of them wait for each other

So W_hh as a whole has to go into what the multiprocessors have together, less those 5 to 90 KB each:

    bytes of W_hh       LSTM, 4 bytes     GRU         Elman
    H = 256                  1 MB        0.75 MB     0.25 MB
    H = 512                  4 MB        3 MB        1 MB
    H = 768                  9 MB        6.75 MB     2.25 MB
    H = 1024                16 MB       12 MB        4 MB

H100 and H200 have 132 multiprocessors of 227 KB, 29 MB together, and take all of these. An A100 has 108 of 163 KB, 17 MB, which
in 4 bytes is too little for the LSTM and the GRU of H = 1024; in 2 bytes it takes them too.

**What a step costs.** All rows of h_{t−1} come to each of the ⌈H/units⌉ groups of blocks through the L2 cache, 4·n·H·⌈H/units⌉
bytes; backward it is da_t, g times as wide. More units in a block mean fewer bytes; where a group's slice is too large for one
block, `parts` blocks share it, at the price of exchanging n·units sums each and of a second wait. There are n·g·H²
multiplications forward, and as many backward. Nothing of this has been measured on a GPU: `Launch.clocks` is a rule to choose
among ways of cutting that are all right, not a time.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

LARGEST, STEP = 1024, 64
"""H up to which plans are made, and in what steps."""

THREADS, WARP, MEETING = 256, 32, 32
"""Threads of a block and of a warp; words from one counter to the next (common.cuh)."""

LATENCY, WAIT, FROM_L2 = 600, 1500, 8
"""Clocks that a word takes from the L2 cache and that a wait among blocks takes, and words that come from there per clock and
multiprocessor: orders of magnitude, not measured."""


class Cell(NamedTuple):
    """A cell as the kernels know it: the macro CELL, and its gates."""

    number: int
    gates: int


CELLS = {"tanh": Cell(0, 1), "relu": Cell(1, 1), "lstm": Cell(2, 4), "gru": Cell(3, 3)}


class Arithmetic(NamedTuple):
    """How products are computed: the macro PRECISION, and what depends on it (persistent_product.cuh)."""

    number: int
    per_word: int  # neighbours along K in a word of shared memory
    rate: int  # multiplications per clock and multiprocessor, to weigh them against traffic

    @property
    def worker(self) -> int:
        """Threads that share a tile of results."""
        return WARP if self.number else 1

    @property
    def chunk(self) -> int:
        """Words along K that a worker takes at a time."""
        return 16 if self.number else 4

    @property
    def carried(self) -> int:
        """Values that a thread has on their way to shared memory at one time, at most: they take registers."""
        return 32 if self.number else 16

    def tiles(self, itemsize: int) -> list[tuple[int, int]]:
        """Return the tiles of results, rows × columns, of which a worker's registers hold one."""
        if self.number:
            return [(r, c) for r in (16, 32, 64) for c in (8, 16, 24, 32, 48, 64) if r * c <= 32 * 64]
        return [(r, c) for r in (1, 2, 4, 8) for c in (4, 8, 12) if r * c <= 256 // itemsize]


ARITHMETIC = {
    None: Arithmetic(0, 1, 128),
    "tf32": Arithmetic(1, 1, 512),
    "bfloat16": Arithmetic(2, 2, 1024),
    "float16": Arithmetic(3, 2, 1024),
}
"""By what W_hh, h and da are rounded to where they are multiplied; None: nothing is. Sums, gates and planes stay float32. In
fp16 a da below 6e-8 becomes 0: scale the loss."""


class Chip(NamedTuple):
    """What a GPU has: multiprocessors, bytes of shared memory that a block can have, and its compute capability."""

    multiprocessors: int
    shared: int
    capability: int  # its first number: from 7 on there is what blocks wait with, from 8 on TF32 and bfloat16


@dataclass(frozen=True)
class Launch:
    """One way of cutting a segment among blocks, forward or backward."""

    arithmetic: Arithmetic
    itemsize: int
    gates: int
    H: int
    n: int
    forward: bool
    units: int
    shares: int  # into which the rows fall
    parts: int  # into which the product's K falls
    rows: int  # that are multiplied at one time
    depth: int  # of a tile of what is multiplied with W_hh
    tile: tuple[int, int]  # of results, a worker's
    threads: int = THREADS  # of a block

    @property
    def groups(self) -> int:
        """How many groups of `units` hidden units there are."""
        return -(-self.H // self.units)

    @property
    def grid(self) -> tuple[int, int, int]:
        """The blocks."""
        return self.groups, self.shares, self.parts

    @property
    def columns(self) -> int:
        """Of a block's slice of W_hh."""
        return self.units * (self.gates if self.forward else 1)

    @property
    def tiles(self) -> int:
        """How many tiles the K of a block's product falls into."""
        K = self.H if self.forward else -(-self.H * self.gates // self.parts)
        return -(-K // self.depth)

    @property
    def sums(self) -> int:
        """How many sums of each result the workers of a block make."""
        workers = self.threads // self.arithmetic.worker
        return workers // (self.rows // self.tile[0] * (self.columns // self.tile[1]))

    @property
    def bytes(self) -> int:
        """Of shared memory that a block takes."""
        words, tensor = self.depth // self.arithmetic.per_word, self.arithmetic.number > 0
        slice_of_W = self.columns * (self.tiles * words + (16 if tensor else 0))
        tiles, stride = 2 * self.rows * (words + (2 if tensor else 4)), self.columns
        if stride // self.units % 2 == 0:
            stride += self.units // 4 * 4
        sums = self.sums * self.rows * stride
        return (slice_of_W + max(tiles, sums)) * self.itemsize

    @property
    def meetings(self) -> int:
        """Words of counters."""
        return self.shares * (1 + (self.groups if self.parts > 1 else 0)) * MEETING

    @property
    def works(self) -> bool:
        """Whether the kernel can be compiled so: all workers have the same to do (the static_asserts of `Cut`)."""
        workers, (rows, columns), chunk = self.threads // self.arithmetic.worker, self.tile, self.arithmetic.chunk
        if self.rows % rows or self.columns % columns or self.units % self.parts:
            return False
        results = self.rows // rows * (self.columns // columns)
        if results > workers or workers % results or self.depth // self.arithmetic.per_word % (chunk * self.sums):
            return False
        return self.rows * self.depth <= self.arithmetic.carried * self.threads

    @property
    def clocks(self) -> float:
        """What to compare ways of cutting by: the busiest unit's clocks of a step, if the others never wait for it."""
        down, across = self.rows // self.tile[0], self.columns // self.tile[1]
        words = self.depth // self.arithmetic.per_word
        passes = -(-self.n // self.shares // self.rows)
        products = self.rows * self.columns * self.depth / self.arithmetic.rate
        shared = words * (self.columns * down + self.rows * across) / 32
        from_L2 = self.rows * self.depth / FROM_L2
        product = LATENCY + self.tiles * max(products, shared, from_L2, LATENCY)
        sums = 2 * self.sums * self.rows * self.columns / 32
        exchange = WAIT + 2 * passes * self.rows * self.units / FROM_L2 if self.parts > 1 else 0
        return passes * (product + sums) + exchange + (WAIT if self.groups * self.parts > 1 else 0)

    def macros(self, cell: Cell, H: int) -> dict[str, int]:
        """Return what the kernel is compiled with for hidden states of size H, at most that of the plan."""
        return {
            "CELL": cell.number,
            "PRECISION": self.arithmetic.number,
            "ALIGNED": int(H % 4 == 0),
            "THREADS": self.threads,
            "ROWS": self.rows,
            "UNITS": self.units,
            "DEPTH": self.depth,
            "TILE_ROWS": self.tile[0],
            "TILE_COLUMNS": self.tile[1],
        }


class Plan(NamedTuple):
    """How the segments of n rows of a cell are run on a chip."""

    cell: Cell
    forward: Launch
    backward: Launch


def plan(cell: str, n: int, H: int, itemsize: int, precision: str | None, on: Chip) -> Plan | None:
    """Return how to run segments of n rows on a chip, or None where W_hh does not fit on it.

    Sizes that lie close together have one plan, made for the largest of them, so that few kernels are compiled.

    Args:
        cell: "tanh", "relu" (Elman), "lstm" or "gru".
        n: rows of every step.
        H: hidden size.
        itemsize: 4 for float32, 8 for float64.
        precision: what is rounded where it is multiplied (ARITHMETIC); in float64 nothing is ever.
        on: the chip.

    Raises:
        ValueError: an unknown precision.
    """
    if precision not in ARITHMETIC:
        raise ValueError(f"precision should be one of {', '.join(map(repr, ARITHMETIC))}, but got {precision!r}")
    if n < 1 or not 1 <= H <= LARGEST or on.capability < (7 if precision is None else 8):
        return None
    rows = next((r for r in (1, 4, 16) if n <= r), 1 << (n - 1).bit_length())
    return _plan(cell, rows, -(-H // STEP) * STEP, itemsize, None if itemsize == 8 else precision, on)


@functools.lru_cache(maxsize=256)
def _plan(cell: str, n: int, H: int, itemsize: int, precision: str | None, on: Chip) -> Plan | None:
    kind = CELLS[cell]
    found = []
    for forward in (True, False):
        ways = [way for way in _ways(ARITHMETIC[precision], itemsize, kind.gates, H, n, forward, on) if way.bytes <= on.shared]
        if not ways:
            return None
        found.append(min(ways, key=lambda way: (way.clocks, way.bytes)))
    return Plan(kind, *found)


def _ways(arithmetic: Arithmetic, itemsize: int, gates: int, H: int, n: int, forward: bool, on: Chip) -> Iterator[Launch]:
    """Yield the ways of cutting that can be compiled and whose blocks can all run at once."""
    least = 16 if arithmetic.number else 1
    for units in (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128):
        groups = -(-H // units)
        for parts in (1,) if forward else (1, 2, 4, 8):
            most = on.multiprocessors // (groups * parts)
            for rows in (1, 2, 4, 8, 16, 32, 64):
                if most < 1 or rows < least or rows > max(least, n):
                    continue
                shares = min(most, -(-n // rows))
                for tile in arithmetic.tiles(itemsize):
                    for depth in (16, 32, 64, 128, 256, 512, 1024):
                        way = Launch(arithmetic, itemsize, gates, H, n, forward, units, shares, parts, rows, depth, tile)
                        if way.works:
                            yield way

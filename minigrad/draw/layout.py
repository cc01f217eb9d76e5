"""Where boxes and arrows go: layers, as few crossings as a few sweeps find, and arrows as straight as the boxes allow.

The steps of Sugiyama, Tagawa and Toda (1981):

1. every box goes to the layer of the longest path that leads to it, and on towards its first use where that is shorter;
2. an arrow over several layers is cut by a bend in each layer between;
3. within layers everything is ordered by the barycentre (mean position) of its neighbours, in sweeps there and back;
4. positions minimise the squared distances to the neighbours, in this order and without overlap.

Positions are (along, across): `along` the direction of the arrows, `across` within a layer.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

Point = tuple[float, float]
Pulls = tuple[list[tuple[int, float]], float]

SWEEPS, SETTLING = 12, 24
"""Sweeps that order the layers, and that place what they hold."""

STRAIGHTNESS = (1.0, 2.0, 8.0)
"""How much a piece of an arrow is worth keeping straight that touches no, one, two bends (Gansner et al. 1993)."""

GAP, BEND = 22.0, 10.0
"""Room between neighbours within a layer, and around a bend."""


class Layout(NamedTuple):
    """The centre of every box, and for every arrow the centres it passes, from box to box."""

    centres: list[Point]
    routes: list[list[Point]]


def arrange(sizes: Sequence[Point], arrows: Sequence[tuple[int, int]], between: float) -> Layout:
    """Return where boxes of the sizes (along, across) go, in layers `between` apart. Arrows lead to later boxes."""
    ranks = _ranks(len(sizes), arrows)
    things = _Things(sizes, ranks, arrows)
    things.order()
    across = things.place()
    along = _depths(sizes, ranks, between)
    points = [(along[rank], x) for rank, x in zip(things.rank, across)]
    return Layout(points[: len(sizes)], [[points[i] for i in chain] for chain in things.chains])


def _ranks(n: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    """Return the layer of every box: as late as its heads allow, unless arrows would become longer on the whole."""
    ranks = [0] * n
    after: list[list[int]] = [[] for _ in range(n)]
    heads = {head for _, head in arrows}
    held = [0] * n  # arrows from boxes that have predecessors; the others follow
    for tail, head in sorted(arrows, key=lambda arrow: arrow[1]):
        ranks[head] = max(ranks[head], ranks[tail] + 1)
        after[tail].append(head)
        held[head] += tail in heads
    for i in reversed(range(n)):
        if after[i] and held[i] <= len(after[i]):
            ranks[i] = min(ranks[head] for head in after[i]) - 1
    return ranks


def _depths(sizes: Sequence[Point], ranks: Sequence[int], between: float) -> list[float]:
    """Return the middle of every layer."""
    thick = [0.0] * (max(ranks, default=0) + 1)
    for (size, _), rank in zip(sizes, ranks):
        thick[rank] = max(thick[rank], size)
    middles, edge = [], 0.0
    for t in thick:
        middles.append(edge + t / 2)
        edge += t + between
    return middles


class _Things:
    """Boxes, and behind them the bends of arrows, by layer."""

    def __init__(self, sizes: Sequence[Point], ranks: Sequence[int], arrows: Sequence[tuple[int, int]]) -> None:
        self.boxes = len(sizes)
        self.rank = list(ranks)
        self.width = [across for _, across in sizes]
        self.chains: list[list[int]] = []
        for tail, head in arrows:
            bends = range(len(self.rank), len(self.rank) + ranks[head] - ranks[tail] - 1)
            self.rank += range(ranks[tail] + 1, ranks[head])
            self.width += [0.0] * len(bends)
            self.chains.append([tail, *bends, head])
        self.before: list[list[int]] = [[] for _ in self.rank]
        self.after: list[list[int]] = [[] for _ in self.rank]
        for chain in self.chains:
            for a, b in pairwise(chain):
                self.before[b].append(a)
                self.after[a].append(b)
        self.layers: list[list[int]] = [[] for _ in range(max(self.rank, default=0) + 1)]
        for i in self._connected():
            self.layers[self.rank[i]].append(i)

    def _connected(self) -> list[int]:
        """Return all things, neighbours near each other: an order to start from."""
        seen: dict[int, None] = {}
        for start in reversed(range(self.boxes)):
            stack = [start]
            while stack:
                i = stack.pop()
                if i not in seen:
                    seen[i] = None
                    stack += self.after[i] + self.before[i][::-1]
        return list(seen)

    # ---- order

    def order(self) -> None:
        """Order the layers by barycentres, and keep the order with the fewest crossings."""
        best, fewest = [layer[:] for layer in self.layers], self._crossings()
        for sweep in range(SWEEPS):
            if fewest == 0:
                break
            down = sweep % 2 == 0
            for layer in self.layers if down else reversed(self.layers):
                self._sort(layer, self.before if down else self.after)
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [layer[:] for layer in self.layers], crossings
        self.layers = best

    def _sort(self, layer: list[int], neighbours: list[list[int]]) -> None:
        place = self._places()
        centre = {i: sum(place[k] for k in ks) / len(ks) if (ks := neighbours[i]) else place[i] for i in layer}
        layer.sort(key=centre.__getitem__)

    def _places(self) -> dict[int, float]:
        """Return where everything stands in its layer, from 0 to 1."""
        return {i: (k + 0.5) / len(layer) for layer in self.layers for k, i in enumerate(layer)}

    def _crossings(self) -> int:
        """Return how many pairs of pieces cross."""
        place, total = self._places(), 0
        for layer in self.layers:
            seen: list[float] = []
            for i in layer:
                ends = [place[k] for k in self.after[i]]
                total += sum(len(seen) - bisect_right(seen, end) for end in ends)
                for end in ends:
                    insort(seen, end)
        return total

    # ---- place

    def place(self) -> list[float]:
        """Return the position of everything across the layers."""
        closest = [self._offsets(layer) for layer in self.layers]
        x = [0.0] * len(self.rank)
        for layer, offsets in zip(self.layers, closest):
            for i, offset in zip(layer, offsets):
                x[i] = offset
        pulls = [self._pulls(i) for i in range(len(x))]
        for sweep in range(SETTLING):
            for k in range(len(closest)) if sweep % 2 == 0 else reversed(range(len(closest))):
                _settle(self.layers[k], closest[k], pulls, x)
        left = min((x[i] - self.width[i] / 2 for i in range(len(x))), default=0.0)
        return [position - left for position in x]

    def _pulls(self, i: int) -> Pulls:
        """Return what pulls at a thing, and how hard: as shares, and altogether."""
        neighbours = (*self.before[i], *self.after[i])
        forces = [STRAIGHTNESS[(i >= self.boxes) + (k >= self.boxes)] for k in neighbours]
        total = sum(forces)
        return [(k, force / total) for k, force in zip(neighbours, forces)], total

    def _offsets(self, layer: list[int]) -> list[float]:
        """Return positions as close as they can be."""
        x, found = 0.0, []
        for k, i in enumerate(layer):
            if k:
                x += self._distance(layer[k - 1], i)
            found.append(x)
        return found

    def _distance(self, a: int, b: int) -> float:
        gap = GAP if a < self.boxes and b < self.boxes else BEND
        return (self.width[a] + self.width[b]) / 2 + gap


def _settle(layer: list[int], offsets: list[float], pulls: list[Pulls], x: list[float]) -> None:
    """Move a layer to where its neighbours pull it, keeping its order and distances of at least those of `offsets`."""
    wishes, weights = [], []
    for i, offset in zip(layer, offsets):
        shares, total = pulls[i]
        wish = 0.0
        for k, share in shares:
            wish += share * x[k]
        wishes.append((wish if shares else x[i]) - offset)
        weights.append(total or 1.0)
    for i, offset, shift in zip(layer, offsets, _ascending(wishes, weights)):
        x[i] = offset + shift


def _ascending(wishes: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return z_0 ≤ z_1 ≤ … with the least Σ w_i (z_i − wish_i)²: neighbours in the wrong order share their mean."""
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for wish, weight in zip(wishes, weights):
        pools.append((wish, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, u, m), (b, v, n) = pools[-2:]
            pools[-2:] = [((a * u + b * v) / (u + v), u + v, m + n)]
    return [mean for mean, _, n in pools for _ in range(n)]

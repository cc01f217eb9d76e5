"""The Reber grammar, embedded and continual: strings of which a reader must remember one letter until the end.

A finite automaton; each arrow is a symbol, and where two leave a state either is taken half of the time (Reber 1967):

    0 ─B→ 1    1 ─T→ 2  1 ─P→ 3    2 ─S→ 2  2 ─X→ 4    3 ─T→ 3  3 ─V→ 5    4 ─X→ 3  4 ─S→ 6    5 ─P→ 4  5 ─V→ 6    6 ─E→ end

*Embedded*, a string of it stands between two equal letters, B T … T E or B P … P E: only who still knows the second symbol can
say what the last but one will be, however long the string between (Smith and Zipser 1989; Fahlman 1991; Hochreiter and
Schmidhuber 1997, experiment 1). *Continual*, one embedded string follows another without a mark (Gers, Schmidhuber and Cummins
2000).

What can be known of the next symbol is the set of arrows that leave the state: `follow` has it, exactly, after every symbol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SYMBOLS = "BTPSXVE"
INNER: tuple[dict[str, int], ...] = (
    {"B": 1}, {"T": 2, "P": 3}, {"S": 2, "X": 4}, {"T": 3, "V": 5}, {"X": 3, "S": 6}, {"P": 4, "V": 6}, {"E": 7}, {}
)  # fmt: skip
"""The arrows that leave each state of the plain grammar; it ends in the last state."""


@dataclass(frozen=True)
class Automaton:
    """A grammar: the arrows that leave each state, symbol to state; it begins in state 0.

    Attributes:
        arrows: of each state.
        final: the state in which a string may end; None for a grammar of endless streams.
    """

    arrows: tuple[dict[str, int], ...]
    final: int | None

    def generate(self, rng: np.random.Generator, length: int | None = None) -> str:
        """A string, each of the arrows of a state as likely as the others; of a stream, its first `length` symbols.

        Raises:
            ValueError: no length is given for a grammar whose strings do not end.
        """
        if length is None and self.final is None:
            raise ValueError("Automaton.generate: the strings of this grammar never end; give a length")
        state, symbols = 0, list[str]()
        while state != self.final and (length is None or len(symbols) < length):
            choices = list(self.arrows[state])
            symbols.append(choices[int(rng.integers(len(choices)))])
            state = self.arrows[state][symbols[-1]]
        return "".join(symbols)

    def follow(self, text: str) -> list[str]:
        """The symbols that may come after each of the symbols of `text`, "" at the end; so many strings as `text` is long.

        Raises:
            ValueError: a symbol is not allowed where it stands.
        """
        state, found = 0, []
        for place, symbol in enumerate(text):
            if symbol not in self.arrows[state]:
                allowed = " or ".join(self.arrows[state]) or "nothing"
                raise ValueError(f"{text!r}: {symbol!r} at {place} is not allowed; {allowed} would be")
            state = self.arrows[state][symbol]
            found.append("".join(self.arrows[state]))
        return found

    def accepts(self, text: str) -> bool:
        """Whether `text` is a whole string of the grammar, or where none ends the beginning of one."""
        try:
            ends = self.follow(text)
        except ValueError:
            return False
        return self.final is None or (bool(ends) and not ends[-1])


def _embedded(continual: bool) -> Automaton:
    """B T inner T E and B P inner P E: two copies of the inner grammar; with `continual`, the end is the beginning."""
    size, copies = len(INNER), {"T": 2, "P": 2 + len(INNER)}
    last = 2 + 2 * size  # reads E
    arrows: list[dict[str, int]] = [{"B": 1}, dict(copies)]
    for outer, first in copies.items():
        inner = [{symbol: first + state for symbol, state in leaving.items()} for leaving in INNER]
        arrows += [*inner[:-1], {outer: last}]
    arrows.append({"E": 0 if continual else last + 1})
    return Automaton(tuple(arrows), None) if continual else Automaton((*arrows, {}), last + 1)


PLAIN = Automaton(INNER, len(INNER) - 1)
EMBEDDED = _embedded(continual=False)
CONTINUAL = _embedded(continual=True)


def ids(text: str) -> np.ndarray:
    """The places of the symbols in SYMBOLS, (T,)."""
    return np.array([SYMBOLS.index(symbol) for symbol in text])


def allowed(following: Sequence[str]) -> np.ndarray:
    """What `follow` returned as (T, 7) of bool."""
    return np.array([[symbol in some for symbol in SYMBOLS] for some in following])


def one_hot(text: str) -> np.ndarray:
    """The symbols as unit vectors, (T, 7)."""
    return np.eye(len(SYMBOLS))[ids(text)]

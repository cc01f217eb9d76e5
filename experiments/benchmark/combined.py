"""What several rows say together: a table for each group of rows, and figures made of several ratios, with their bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.lab.claims import Claim
from experiments.lab.terminal import Table

from .report import SOURCE, Measured, figures, short_names
from .rows import BASE, OURS


@dataclass(frozen=True)
class Combined:
    """A figure made of the ratios of several rows, and the largest that is good enough."""

    statement: str
    rows: tuple[str, ...]
    figure: Callable[[Sequence[float]], float]
    bar: float
    goal: float | None = None

    def judge(self, measured: Measured) -> Claim | None:
        """The bar as a claim; None where a row was not asked for, a claim that fails where one was refused."""
        results = {row.name: result for row, result in measured}
        if any(name not in results for name in self.rows):
            return None
        sentence = f"{self.statement}: {OURS} over {BASE}"
        if refused := [name for name in self.rows if results[name].refused]:
            return Claim(sentence, SOURCE, f"<= {self.bar:g}", f"refused: {', '.join(refused)}", None, False)
        ratios = [ratio for name in self.rows if (ratio := results[name].obtained) is not None]
        if len(ratios) < len(self.rows):
            return Claim.reported(sentence, SOURCE, obtained=None, expected=self.bar)
        return Claim.at_most(sentence, SOURCE, bound=self.bar, obtained=self.figure(ratios))

    def text(self, measured: Measured) -> str:
        """The figure, the bar and the goal in one line; empty where a row was not asked for."""
        claim = self.judge(measured)
        if claim is None:
            return ""
        if not isinstance(claim.obtained, float):
            return f"{self.statement}: not judged, {claim.obtained or f'no ratio to {BASE}'}"
        goal = "" if self.goal is None else f"; goal {self.goal:.2f} {'met' if claim.obtained <= self.goal else 'not reached'}"
        return f"{self.statement}: {claim.obtained:.2f}: bar {self.bar:.2f} {'met' if claim.holds else 'MISSED'}{goal}"

    def document(self, measured: Measured) -> dict[str, Any]:
        """The figure for bench.json."""
        claim = self.judge(measured)
        obtained, holds = (None, None) if claim is None else (claim.obtained, claim.holds)
        return {"statement": self.statement, "rows": list(self.rows), "bar": self.bar, "goal": self.goal} | {
            "obtained": obtained,
            "holds": holds,
        }


def overview(measured: Measured) -> list[str]:
    """For each group of rows a table of the ratios: a line for each side, a column for each row."""
    groups: dict[str, list[Any]] = {}
    for row, result in measured:
        if row.group:
            groups.setdefault(row.group, []).append((row, result))
    return [_table(title, members) for title, members in groups.items()]


def _table(title: str, members: Measured) -> str:
    """One group."""
    sides = dict.fromkeys(line.side for _, result in members for line in result.lines)
    lines = [
        [side, *(next((figures(line)[0] for line in result.lines if line.side == side), "-") for _, result in members)]
        for side in sides
    ]
    head = ["", *short_names([row.name for row, _ in members])]
    return str(Table(f"{title}: ratio to {members[0][0].ratio_to}", head, lines))

"""What a benchmark says: a table in the terminal, a claim for each bar, and everything as a JSON document."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from itertools import takewhile
from typing import Any

from experiments.lab.claims import Claim
from experiments.lab.terminal import Table

from .rows import OURS, Line, Result, Row
from .timing import Spread

SCHEMA = 1
WIDTH = 96
SOURCE = "the project's own bar"

Measured = Sequence[tuple[Row, Result]]


def judge(row: Row, result: Result) -> Claim:
    """The row's bar as a claim: at most `bar`; reported without a bar or without the peer; a refused row fails."""
    sentence = f"{row.name}: {OURS}'s {row.clock}, ratio to {row.ratio_to}"
    if result.refused:
        expected = None if row.bar is None else f"<= {row.bar:g}"
        return Claim(sentence, SOURCE, expected, f"refused: {result.refused}", None, False)
    if row.bar is None or result.obtained is None:
        return Claim.reported(sentence, SOURCE, obtained=result.obtained, expected=row.bar)
    return Claim.at_most(sentence, SOURCE, bound=row.bar, obtained=result.obtained)


def text(row: Row, result: Result) -> str:
    """The row for the terminal: what is run, a line for each side, the verdict, and what was left out."""
    title = textwrap.fill(f"{row.name}: {row.statement}", WIDTH, subsequent_indent="  ")
    if result.refused:
        return "\n".join([title, *textwrap.wrap(f"REFUSED: {result.refused}", WIDTH, subsequent_indent="  ")])
    head = ("", f"µs per {row.unit}", f"ratio to {row.ratio_to}", "[quartiles]")
    table = Table(title, head, [_cells(line) for line in result.lines])
    return "\n".join([str(table), _judgement(row, result), *result.skipped])


def figures(line: Line) -> tuple[str, str]:
    """A line's ratio and its quartiles, as `0.58` and `[0.56, 0.60]`; `-` without one, `1` of a side to itself."""
    if line.ratio is None:
        return "-", ""
    if line.ratio == Spread(1, 1, 1):
        return "1", ""
    return f"{line.ratio.median:.2f}", f"[{line.ratio.q1:.2f}, {line.ratio.q3:.2f}]"


def document(
    suite: str, measured: Measured, combined: list[dict[str, Any]], machine: dict[str, Any], conditions: dict[str, Any]
) -> dict[str, Any]:
    """The content of bench.json: the machine, the conditions, and every repetition of every row, the combined figures."""
    rows = [_row_document(row, result) for row, result in measured]
    return {"schema": SCHEMA, "suite": suite, "machine": machine, "conditions": conditions} | {
        "rows": rows,
        "combined": combined,
    }


def short_names(names: Sequence[str]) -> list[str]:
    """The names of a group's rows without the words, divided by -, that all begin with; the last word always stays."""
    words = [name.split("-") for name in names]
    shared = sum(1 for _ in takewhile(lambda same: len(set(same)) == 1, zip(*(each[:-1] for each in words))))
    return ["-".join(each[shared:]) for each in words]


def _cells(line: Line) -> tuple[str, ...]:
    """A line's cells in the table."""
    label = line.side if line.size is None else f"{line.side} {line.size:,}"
    return (label, f"{line.microseconds.median:.3f}", *figures(line))


def _judgement(row: Row, result: Result) -> str:
    """The figure, the bar and the goal, in one line."""
    if result.obtained is None:
        return f"not judged: no ratio to {row.ratio_to}"
    if row.bar is None:
        return f"{OURS} {result.obtained:.2f}, reported only"
    outcome = "met" if judge(row, result).holds else "MISSED"
    goal = ""
    if row.goal is not None:
        goal = f"; goal {row.goal:.2f} {'met' if result.obtained <= row.goal else 'not reached'}"
    return f"{OURS} {result.obtained:.2f}: bar {row.bar:.2f} {outcome}{goal}"


def _row_document(row: Row, result: Result) -> dict[str, Any]:
    """One row: what was claimed, what was obtained, and the lines with all their seconds."""
    return {
        "name": row.name,
        "group": row.group,
        "statement": row.statement,
        "unit": row.unit,
        "ratio to": row.ratio_to,
        "bar": row.bar,
        "goal": row.goal,
        "obtained": result.obtained,
        "holds": judge(row, result).holds,
        "refused": result.refused,
        "skipped": list(result.skipped),
        "worst deviation of the gradients": result.agreement,
        "lines": [asdict(line) for line in result.lines],
    }

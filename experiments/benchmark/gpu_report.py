"""What the GPU's benchmark says: a line for each row under its group's head, and all of it for bench.json."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from .gpu_limits import Limits, Peaks, limits
from .gpu_rows import GpuRow
from .report import WIDTH, figures, judge
from .rows import BASE, OURS, Line, Result

GpuMeasured = Sequence[tuple[GpuRow, Result]]
LINE = "{:<18}{:>10}{:>10}  {:<22}{:<13}{:<12}{:>10}{:>8}"


def limits_of(row: GpuRow, peaks: Peaks | None) -> Limits | None:
    """The least seconds of one call; None on a GPU whose peaks are not known."""
    return None if peaks is None else limits(row.work, peaks)


def side(result: Result, name: str) -> Line | None:
    """The line of a side."""
    return next((line for line in result.lines if line.side == name), None)


def head(row: GpuRow, result: Result) -> str:
    """The head of a group: what is run, what both sides were told, and the columns."""
    told = [f"{name}: {', '.join(f'{k}={v}' for k, v in found.items())}" for name, found in (result.settings or {}).items()]
    sentences = [*told, *row.skipped]
    words = [textwrap.fill(sentence, WIDTH, initial_indent="  ", subsequent_indent="    ") for sentence in sentences]
    columns = LINE.format("", OURS, BASE, "ratio [quartiles]", "bar", "way", "arithmetic", "memory")
    units = f"µs per {row.unit}; arithmetic, memory: the limit's share of {OURS if len(row.sides) > 1 else BASE}'s time"
    return "\n".join([f"\n{row.group} ({units})", *words, columns, "-" * len(columns)])


def text(row: GpuRow, result: Result, peaks: Peaks | None) -> str:
    """A row's line."""
    label = row.name if row.case is None else row.name.removeprefix(f"{row.case.family}-")
    if result.refused:
        return textwrap.fill(f"{label:<18}REFUSED: {result.refused}", WIDTH, subsequent_indent=" " * 18)
    ours, base = side(result, OURS), side(result, BASE)
    times = [f"{line.microseconds.median:.2f}" if line else "-" for line in (ours, base)]
    ratio = " ".join(figures(ours)).strip() if ours else "-"
    shares = [f"{100 * share:.0f} %" for share in shares_of(row, result, peaks).get(OURS if ours else BASE, {}).values()]
    return LINE.format(
        label, *times, ratio, verdict(row, result), ", ".join(result.ways) or "-", *(shares or ["-", "-"])
    ).rstrip()


def verdict(row: GpuRow, result: Result) -> str:
    """The bar and whether it is met; empty where there is none."""
    if row.bar is None:
        return ""
    outcome = {True: "met", False: "MISSED", None: "not judged"}[judge(row, result).holds]
    return f"{row.bar:.2f} {outcome}"


def shares_of(row: GpuRow, result: Result, peaks: Peaks | None) -> dict[str, dict[str, float]]:
    """For each side the limits' shares of its time; empty where the limits are not known."""
    least = limits_of(row, peaks)
    if least is None:
        return {}
    return {line.side: least.shares(line.microseconds.median * row.units / 1e6) for line in result.lines}


def summary(measured: GpuMeasured) -> str:
    """How many bars are met, and the names of the rows whose bar is missed and of those refused."""
    judged = [(row, judge(row, result).holds) for row, result in measured if row.bar is not None]
    missed = [row.name for row, holds in judged if holds is False]
    refused = [row.name for row, result in measured if result.refused]
    lines = [f"\nbars: {sum(holds is True for _, holds in judged)} of {len(judged)} met"]
    lines += [f"  missed: {name}" for name in missed] + [f"  refused: {name}" for name in refused]
    return "\n".join(lines) + "\n"


def of_row(row: GpuRow, result: Result, peaks: Peaks | None) -> dict[str, Any]:
    """What bench.json has of a GPU's row beyond what it has of all rows."""
    case, least = row.case, limits_of(row, peaks)
    about: dict[str, Any] = {"precision": row.precision.name}
    if case is not None:
        about |= {"cell": case.cell, "passes": case.passes, "T": case.T, "B": case.B, "I": case.H, "H": case.H}
    return about | {
        "settings": result.settings,
        "way": list(result.ways),
        "flops": dict(row.work.flops),
        "bytes that must move": row.work.bytes,
        "least seconds": None if least is None else least._asdict(),
        "shares of the limits": shares_of(row, result, peaks),
    }

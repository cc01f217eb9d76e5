"""Tables in CSV files: a header and rows, every row with the line it stands in."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..lab import UsageError
from .text import read_text


@dataclass(frozen=True)
class Row:
    """One row: the number of the line where it ends, and its values by column."""

    line: int
    values: dict[str, str]


@dataclass(frozen=True)
class CsvTable:
    """A table, where it is from (for messages), its columns and its rows."""

    origin: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def error(self, row: Row, message: str) -> UsageError:
        """The error of one row, which names file and line."""
        return UsageError(f"{self.origin}, line {row.line}: {message}")


def read_csv(path: Path | None, *, sample: str, required: Sequence[str]) -> CsvTable:
    """Read a CSV file with a header, UTF-8, quoted where there is need; the packaged `sample` when `path` is None.

    Empty lines are skipped, blanks around values are dropped.

    Raises:
        UsageError: the file is missing, is not UTF-8, has no rows or lacks a required column, a row has more or fewer
            values than the header, a required value is empty, or a quotation does not end.
    """
    origin = f"--data {path}" if path else f"the sample {sample}"
    text = read_text(path, option="--data", kind="CSV file", sample=sample)
    if not text.strip():
        raise UsageError(f"{origin}: is empty; its first line should be the header {','.join(required)}")
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        parsed = [(lines.line_num, [value.strip() for value in values]) for values in lines if values]
    except csv.Error as error:
        raise UsageError(f"{origin}, line {lines.line_num}: {error}") from None
    columns = tuple(parsed[0][1])
    _check_header(origin, columns, required)
    table = CsvTable(origin, columns, tuple(Row(line, dict(zip(columns, values))) for line, values in parsed[1:]))
    for row, (_, values) in zip(table.rows, parsed[1:]):
        _check_row(table, row, len(values), required)
    if not table.rows:
        raise UsageError(f"{origin}: has a header and no rows")
    return table


def _check_header(origin: str, columns: Sequence[str], required: Sequence[str]) -> None:
    missing = [column for column in required if column not in columns]
    if missing:
        raise UsageError(f"{origin}, line 1: no column {missing[0]!r} in the header, which is {','.join(columns)!r}")
    if len(set(columns)) < len(columns):
        raise UsageError(f"{origin}, line 1: a column is there twice in the header, which is {','.join(columns)!r}")


def _check_row(table: CsvTable, row: Row, found: int, required: Sequence[str]) -> None:
    if found != len(table.columns):
        raise table.error(row, f"{found} values, where the header has {len(table.columns)}: {','.join(table.columns)}")
    for column in required:
        if not row.values[column]:
            raise table.error(row, f"the {column} is empty")

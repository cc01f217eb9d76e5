"""Tables in CSV files: a header and rows, every row with the line it stands in."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..lab import UsageError
from .splits import SPLITS
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

    def split(self, row: Row) -> str:
        """What the column `split` has in a row. Raises UsageError where that is no split."""
        split = row.values["split"]
        if split not in SPLITS:
            raise self.error(row, f"the split is {split!r}; it should be {', '.join(SPLITS[:-1])} or {SPLITS[-1]}")
        return split


def read_csv(
    path: Path | None,
    *,
    sample: str = "",
    required: Sequence[str],
    columns: Sequence[str] | None = None,
    delimiter: str = ",",
) -> CsvTable:
    """Read a table, UTF-8; the packaged `sample` when `path` is None.

    Its first line is the header, unless the `columns` are given. With commas values are quoted where there is need; with a
    tab as `delimiter` a quotation mark is a character like any other. Empty lines are skipped, blanks around values dropped.

    Raises:
        UsageError: the file is missing, is not UTF-8, has no rows or lacks a required column, a row has more or fewer
            values than there are columns, a required value is empty, or a quotation does not end.
    """
    origin = f"--data {path}" if path else f"the sample {sample}"
    kind = "table of values between tabs" if delimiter == "\t" else "CSV file"
    text = read_text(path, option="--data", kind=kind, sample=sample)
    if not text.strip():
        start = f"its first line should be the header {','.join(required)}" if columns is None else "it should have rows"
        raise UsageError(f"{origin}: is empty; {start}")
    parsed = _parse(text, delimiter, origin)
    header = tuple(parsed.pop(0)[1]) if columns is None else tuple(columns)
    _check_header(origin, header, required)
    table = CsvTable(origin, header, tuple(Row(line, dict(zip(header, values))) for line, values in parsed))
    for row, (_, values) in zip(table.rows, parsed):
        _check_row(table, row, len(values), required, "the header has" if columns is None else "there should be")
    if not table.rows:
        raise UsageError(f"{origin}: has a header and no rows")
    return table


def _parse(text: str, delimiter: str, origin: str) -> list[tuple[int, list[str]]]:
    """The line where each row ends, and its values."""
    source = io.StringIO(text, newline="")
    if delimiter == "\t":
        lines = csv.reader(source, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    else:
        lines = csv.reader(source, delimiter=delimiter, strict=True)
    try:
        rows = [(lines.line_num, [value.strip() for value in values]) for values in lines]
    except csv.Error as error:
        raise UsageError(f"{origin}, line {lines.line_num}: {error}") from None
    return [(line, values) for line, values in rows if values not in ([], [""])]


def _check_header(origin: str, columns: Sequence[str], required: Sequence[str]) -> None:
    missing = [column for column in required if column not in columns]
    if missing:
        raise UsageError(f"{origin}, line 1: no column {missing[0]!r} in the header, which is {','.join(columns)!r}")
    if len(set(columns)) < len(columns):
        raise UsageError(f"{origin}, line 1: a column is there twice in the header, which is {','.join(columns)!r}")


def _check_row(table: CsvTable, row: Row, found: int, required: Sequence[str], expected: str) -> None:
    if found != len(table.columns):
        raise table.error(row, f"{found} values, where {expected} {len(table.columns)}: {','.join(table.columns)}")
    for column in required:
        if not row.values[column]:
            raise table.error(row, f"the {column} is empty")

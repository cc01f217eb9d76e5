"""Pairs of texts from files: tables, Tatoeba's lists, files that are parallel line by line, and ``source_target`` lines.

Every reader takes UTF-8 with or without a byte order mark and either kind of line end, leaves out empty lines, and raises
UsageError, in one line that names the file and the line, for what it cannot read. Where a file has no splits they are drawn
by `seed` so that no source and, but for such lines, no target is in two of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..lab import UsageError
from .pairs import Pair
from .splits import without_leaks
from .table import CsvTable, Row, read_csv
from .text import read_text

LONGEST = 4000  # characters: all of a batch is filled up to its longest, so one broken line would fill the memory


def split_pairs(
    texts: Sequence[tuple[str, str]], seed: int, shares: tuple[float, float] = (0.1, 0.1), *, by_target: bool = True
) -> list[Pair]:
    """Pairs in splits drawn by `seed`: no source is in two of them and, `by_target`, no target either."""
    keys = [(("source", source), ("target", target))[: 1 + by_target] for source, target in texts]
    return [Pair(source, target, split) for (source, target), split in zip(texts, without_leaks(keys, seed, shares))]


def read_quoted(path: Path, source: str = "source_language", target: str = "target_language") -> list[Pair]:
    """A quoted CSV with a header and the columns `source`, `target` and `split` (train, val or test); others are ignored."""
    table = read_csv(path, required=(source, "split", target))
    return [Pair(*_checked(table, row, source, target), table.split(row)) for row in table.rows]


def read_tatoeba(path: Path, seed: int) -> list[Pair]:
    """Korean to English from a list of ``English⇥Korean⇥attribution``, as manythings.org has them; quotation marks are text."""
    columns = ("English", "Korean", "attribution")
    table = read_csv(path, required=columns[:2], columns=columns, delimiter="\t")
    return split_pairs([_checked(table, row, "Korean", "English") for row in table.rows], seed)


def read_columns(path: Path, seed: int, header: tuple[str, str] | None = None) -> list[Pair]:
    """A table of two columns, source and target: CSV if the file's name ends so, else with a tab between.

    With a `header` the first line has the names of columns, and these two are the source and the target, in any order and
    among others. Without one there are two columns, and the first line is a pair.
    """
    delimiter = "," if path.suffix.lower() == ".csv" else "\t"
    source, target = header or ("source", "target")
    table = read_csv(path, required=(source, target), columns=None if header else (source, target), delimiter=delimiter)
    return split_pairs([_checked(table, row, source, target) for row in table.rows], seed)


def read_parallel(source: Path, target: Path, seed: int) -> list[Pair]:
    """Two files whose lines belong together; a line that is empty in both is left out."""
    lines = [_lines(source), _lines(target)]
    if len(lines[0]) != len(lines[1]):
        raise UsageError(f"--data {source}: {len(lines[0])} lines, and {target} has {len(lines[1])}; they should be parallel")
    texts = []
    for number, (left, right) in enumerate(zip(*lines), 1):
        for path, text, other in ((source, left, right), (target, right, left)):
            if not text.strip() and other.strip():
                raise UsageError(f"--data {path}, line {number}: is empty, and the other file's is not")
            _check_length(f"--data {path}, line {number}", text)
        if left.strip():
            texts.append((left.strip(), right.strip()))
    if not texts:
        raise UsageError(f"--data {source}: has no lines")
    return split_pairs(texts, seed)


def read_source_target(path: Path, seed: int, separator: str = "_", shares: tuple[float, float] = (0.1, 0.1)) -> list[Pair]:
    """Lines ``source_target`` in columns of fixed width, such as ``16+75  _91  ``: the blanks at the end of both count.

    No source is in two splits; a target may be, as many questions have the same answer.
    """
    texts: list[tuple[str, str]] = []
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            texts.append(_halves(line, separator, f"--data {path}, line {number}"))
            _check_widths(texts, f"--data {path}, line {number}")
    if not texts:
        raise UsageError(f"--data {path}: is empty; its lines should be source{separator}target")
    return split_pairs(texts, seed, shares, by_target=False)


def _halves(line: str, separator: str, where: str) -> tuple[str, str]:
    _check_length(where, line)
    parts = line.split(separator)
    if len(parts) != 2:
        raise UsageError(f"{where}: {len(parts) - 1} times {separator!r}; once is wanted, between source and target")
    for part, name in zip(parts, ("source", "target")):
        if not part.strip():
            raise UsageError(f"{where}: the {name} is empty")
    return parts[0], parts[1]


def _check_widths(texts: list[tuple[str, str]], where: str) -> None:
    """The last source and the last target are as wide as the first ones."""
    for text, first, name in zip(texts[-1], texts[0], ("source", "target")):
        if len(text) != len(first):
            counts = f"{len(text)} characters, blanks counted, and the first one {len(first)}"
            raise UsageError(f"{where}: the {name} {text!r} has {counts}; they should be alike")


def read_pairs(path: Path, seed: int) -> list[Pair]:
    """Pairs of sentences from a file whose kind is told by its name and its first line that is not empty.

    A CSV with the columns source_language, split and target_language, a CSV of two columns, or else a text with one or two
    tabs in a line, pairs or Tatoeba's. Where there is no such file, it is two parallel ones, PATH.ko and PATH.en.
    """
    source, target = (path.with_name(f"{path.name}.{language}") for language in ("ko", "en"))
    if not path.exists() and source.exists() and target.exists():
        return read_parallel(source, target, seed)
    lines = read_text(path, option="--data", kind="file of pairs").split("\n")
    number, first = next(((number, line) for number, line in enumerate(lines, 1) if line.strip()), (0, ""))
    if not number:
        raise UsageError(f"--data {path}: is empty; each of its lines should be a pair")
    if path.suffix.lower() == ".csv":
        return read_quoted(path) if "source_language" in first else read_columns(path, seed)
    tabs = first.count("\t")
    if tabs not in (1, 2):
        found = f"{tabs} tab{'s' * (tabs != 1)}"
        raise UsageError(
            f"--data {path}, line {number}: {found}; one is wanted between source and target, or two as Tatoeba has"
        )
    header = ("ko", "en")
    if tabs == 2:
        return read_tatoeba(path, seed)
    return read_columns(path, seed, header if sorted(first.split("\t")) == sorted(header) else None)


def _lines(path: Path) -> list[str]:
    lines = read_text(path, option="--data", kind="text file").split("\n")
    return lines[:-1] if not lines[-1] else lines


def _checked(table: CsvTable, row: Row, source: str, target: str) -> tuple[str, str]:
    for name in (source, target):
        _check_length(f"{table.origin}, line {row.line}", row.values[name])
    return row.values[source], row.values[target]


def _check_length(where: str, text: str) -> None:
    if len(text) > LONGEST:
        raise UsageError(f"{where}: a text of {len(text)} characters; {LONGEST} are the most")

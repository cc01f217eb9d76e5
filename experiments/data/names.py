"""A folder of names: a file ``Irish.txt`` for each nationality, with a name on each line."""

from __future__ import annotations

from pathlib import Path

from ..lab import UsageError
from .text import read_text


def read_folder(folder: Path, longest: int) -> list[tuple[str, str]]:
    """The names with their nationalities, in the order of the files' names; blanks around names and empty lines are dropped.

    Raises:
        UsageError: there are no such files, one cannot be read or has no names, or a name is longer than `longest`; the
            message names the file and the line.
    """
    files = sorted(folder.glob("*.txt"))
    if not files:
        raise UsageError(f"--data {folder}: has no files NATIONALITY.txt; give such a folder, or a CSV file")
    return [(name, file.stem) for file in files for name in _names(file, longest)]


def _names(file: Path, longest: int) -> list[str]:
    names = []
    for number, line in enumerate(read_text(file, option="--data", kind="text file").split("\n"), 1):
        name = line.strip()
        if len(name) > longest:
            raise UsageError(f"--data {file}, line {number}: a name of {len(name)} characters; {longest} are the most")
        if name:
            names.append(name)
    if not names:
        raise UsageError(f"--data {file}: has no names")
    return names

"""A text as a sequence of character ids."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Self

import numpy as np

from ..lab import UsageError


def read_text(path: Path | None, *, option: str = "--text", kind: str = "text file", sample: str = "sonnets.txt") -> str:
    """The text in `path`, UTF-8, line ends as ``\\n``; the `sample` kept beside this file when `path` is None.

    Raises UsageError, naming the option, the file and what to do, when it is missing, unreadable or not UTF-8.
    """
    if path is None:
        return files(__package__).joinpath(sample).read_text(encoding="utf-8")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror}; give a {kind}") from None
    return decode(data, f"{option} {path}")


def asked(command: str, given: Sequence[str], file: Path | None, what: str) -> list[str]:
    """The lines that a command is asked about, without the blanks around them: its arguments, or those of a file, or of stdin.

    Raises UsageError where both are given, and for what cannot be read.
    """
    if given and file:
        raise UsageError(f"{command}: give {what} or --file, not both")
    if given:
        text = "\n".join(given)
    elif file:
        text = read_text(file, option="--file")
    else:
        text = decode(sys.stdin.buffer.read(), "the standard input")
    return [line.strip() for line in text.removesuffix("\n").split("\n")]


def decode(data: bytes, name: str) -> str:
    """UTF-8 as text, without a byte order mark, line ends as ``\\n``. Raises UsageError, naming the line, for other bytes."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        where = f"byte {error.start} (line {line})"
        raise UsageError(f"{name}: not UTF-8 at {where}; convert it, e.g. with iconv -t UTF-8") from None
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


@dataclass(frozen=True)
class Characters:
    """The characters of a text, `alphabet`, and the text as their ids, `ids` of shape (length,), int64."""

    alphabet: str
    ids: np.ndarray

    @classmethod
    def read(cls, path: Path | None, least: int) -> Self:
        """Read `path`. Raises UsageError for fewer than `least` characters, or fewer than two different ones."""
        text, name = read_text(path), f"--text {path}" if path else "the default text"
        alphabet = "".join(sorted(set(text)))
        if len(text) < least:
            raise UsageError(f"{name}: {len(text)} characters, at least {least} are needed; give a longer --text")
        if len(alphabet) < 2:
            raise UsageError(f"{name}: one character over and over; give a --text with at least two different ones")
        index = {character: i for i, character in enumerate(alphabet)}
        return cls(alphabet, np.array([index[character] for character in text], dtype=np.int64))

    def windows(self, starts: np.ndarray, T: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs x and targets y, the next characters, both (len(starts), T): y_t = x_{t+1}."""
        window = self.ids[starts[:, None] + np.arange(T + 1)]
        return window[:, :-1], window[:, 1:]

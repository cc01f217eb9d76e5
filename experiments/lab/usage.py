"""Mistakes of the person at the keyboard: one line on stderr, exit code 2, never a traceback."""

import argparse
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, NoReturn


class UsageError(Exception):
    """Bad input, in one line that names the file or the option and says what to do."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError in place of printing the usage and leaving."""
        raise UsageError(f"{message}; see: {self.prog} --help")


# How every command's parser shows its help and reads its options.
layout: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}


def suggestion(name: str, known: Iterable[str]) -> str:
    """`` (did you mean 'flow'?)`` when a known name is near `name`, else the names there are."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    if near:
        return f" (did you mean {near[0]!r}?)"
    return f" (there are: {', '.join(names)})" if names else ""

"""Mistakes of the person at the keyboard: one line on stderr, exit code 2, never a traceback."""

from collections.abc import Iterable
from difflib import get_close_matches


class UsageError(Exception):
    """Bad input, in one line that names the file or the option and says what to do."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """`` (did you mean 'flow'?)`` when a known name is near `name`, else the names there are."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    if near:
        return f" (did you mean {near[0]!r}?)"
    return f" (there are: {', '.join(names)})" if names else ""

"""What to say when a name is not there: the nearest one that is."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate spelled most like `name`, or None where nothing comes close."""
    pool = {candidate.lower(): candidate for candidate in sorted(candidates, reverse=True)}
    close = get_close_matches(name.lower(), pool, n=1, cutoff=0.6)
    return pool[close[0]] if close else None


def missing_attribute(module: str, name: str, candidates: Iterable[str]) -> AttributeError:
    """Build the AttributeError for `module.name`, which names the nearest public attribute that exists.

    A name that begins with an underscore is a protocol being tried out (copy, pickle, NumPy): it gets no search.
    """
    close = None if name.startswith("_") else nearest(name, (c for c in candidates if not c.startswith("_")))
    hint = f". Did you mean '{close}'?" if close else ""
    return AttributeError(f"module '{module}' has no attribute '{name}'{hint}", name=name)

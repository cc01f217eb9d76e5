"""The claims of many runs in one table."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from .claims import Claim, Value, summary
from .finished import FinishedRun
from .terminal import Table, number

_SENTENCE, _FIGURE = 76, 26


def claim_table(runs: Sequence[FinishedRun]) -> Table:
    """A row for each claim: what, published, obtained, tolerance, verdict. Long sentences are cut."""
    claims = [claim for run in runs for claim in run.claims]
    title = f"{len(claims)} claims of {len(runs)} runs: {summary(claims)}"
    rows = [_row(run.experiment, claim) for run in runs for claim in run.claims]
    return Table(title, ["claim", "published", "obtained", "tolerance", "verdict"], rows)


def tolerance(claim: Claim) -> str:
    """The tolerance, short, ``-`` where nothing is judged."""
    return "-" if claim.tolerance is None else f"{claim.tolerance:g}"


def _row(experiment: str, claim: Claim) -> list[str]:
    sentence = textwrap.shorten(f"{experiment}: {claim.sentence}", _SENTENCE, placeholder=" …")
    return [sentence, _short(claim.expected), _short(claim.obtained), tolerance(claim), claim.verdict]


def _short(value: Value) -> str:
    return textwrap.shorten(number(value), _FIGURE, placeholder=" …")

"""The command ``report``: runs as one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from minigrad.utils.files import write_atomically

from .lab.finished import newest
from .lab.report import page
from .lab.sections import sections
from .lab.usage import Parser, UsageError, layout

DESCRIPTION = """\
Runs as one page of HTML: each one's figures, claims, settings, and the command that repeats it. The page is one file that
holds its figures itself and needs no network.

examples:
  python -m experiments report                              the newest run of every experiment in runs/, as report.html
  python -m experiments report runs/all-20260101-120000     every run in a folder, such as that of `run all`
  python -m experiments report flow runs/mine               the newest run of `flow`, and a run by its folder
  python -m experiments report runs/sweep-flow-1234abcd     a sweep
  python -m experiments report --out gallery.html
"""


def main(argv: Sequence[str]) -> int:
    """Carry out ``report`` with these arguments. Raises UsageError for what makes no sense."""
    arguments = _parser().parse_args(argv)
    names = arguments.runs or [str(path) for path in newest()]
    if not names:
        raise UsageError(f"no finished run in {Path('runs').absolute()}; see: python -m experiments run all --quick")
    found = sections(names)
    out: Path = arguments.out
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out, page(found))
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}") from None
    print(f"{len(found)} runs, {sum(len(section.rows) for section in found)} claims: {out}")
    return 0


def _parser() -> Parser:
    parser = Parser(prog="python -m experiments report", description=DESCRIPTION, **layout)
    parser.add_argument(
        "runs", metavar="RUN", nargs="*", help="a run's or a sweep's folder, a folder of runs, or an experiment (default: all)"
    )
    parser.add_argument("--out", metavar="FILE", type=Path, default=Path("report.html"), help="the page (default report.html)")
    return parser

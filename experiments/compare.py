"""The command ``compare``: two runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .lab.compare import arrays_table, claims_table, figure_of_both, metrics_table, settings_table
from .lab.figures import house_style, write_figure
from .lab.finished import FinishedRun
from .lab.folder import RunFolder, find_run
from .lab.registry import MODULES
from .lab.usage import Parser, layout

DESCRIPTION = """\
Two finished runs side by side: the settings that differ, every claim with what each obtained, the metrics and the arrays
that differ, and, where both logged metrics, a figure of both curves.

examples:
  python -m experiments compare runs/flow-a runs/flow-b          two runs by their folders
  python -m experiments compare runs/mine surnames               mine and the newest run of `surnames` in runs/
  python -m experiments compare runs/a runs/b --out runs/a-and-b where the figure goes
"""


def main(argv: Sequence[str]) -> int:
    """Carry out ``compare`` with these arguments. Raises UsageError for what makes no sense."""
    arguments = _parser().parse_args(argv)
    a, b = (FinishedRun.read(find_run(run, MODULES)) for run in (arguments.a, arguments.b))
    for letter, run in (("A", a), ("B", b)):
        print(
            f"{letter}: {run.path}: {run.experiment}, {run.started}, {run.seconds:.1f} s, minigrad {run.versions['minigrad']}"
        )
    for table in (settings_table(a, b), claims_table(a, b), metrics_table(a, b), arrays_table(a, b)):
        print(f"\n{table if table.rows else table.title}")
    with house_style():
        figure = figure_of_both(a, b)
        if figure is not None:
            folder = RunFolder.create("compare", arguments.out).path
            write_figure(folder / "metrics", figure)
            print(f"\nBoth curves: {folder / 'metrics.png'}")
    return 0


def _parser() -> Parser:
    parser = Parser(prog="python -m experiments compare", description=DESCRIPTION, **layout)
    parser.add_argument("a", metavar="RUN", help="a run's folder, or an experiment's name: its newest run in runs/")
    parser.add_argument("b", metavar="RUN", help="another")
    parser.add_argument("--out", metavar="DIR", type=Path, help="folder of the figure (default runs/compare-<date>-<time>)")
    return parser

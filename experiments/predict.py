"""The command ``predict``: ask the model that a run has trained."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from .data.text import asked
from .lab.folder import experiment_of, find_run
from .lab.registry import MODULES, find
from .lab.usage import Parser, UsageError, layout

DESCRIPTION = """\
Ask the model of a finished run: the most probable answers for each name, with their probabilities.

examples:
  python -m experiments predict surnames kang DiCaprio           the newest run of `surnames` in runs/
  python -m experiments predict runs/my_run --top 5 kang         a run by its folder
  python -m experiments predict surnames --file names.txt        a name on each line
  cat names.txt | python -m experiments predict surnames         the same
"""


def main(argv: Sequence[str]) -> int:
    """Carry out ``predict`` with these arguments. Raises UsageError for what makes no sense."""
    arguments = _parser().parse_intermixed_args(argv)
    folder = find_run(arguments.run, MODULES)
    name = experiment_of(folder)
    predict = find(name).predict
    if predict is None:
        raise UsageError(f"{folder}: a run of {name!r}, which trains no model to ask")
    for line in predict(folder, _names(arguments), arguments.top):
        print(line)
    return 0


def _names(arguments: Namespace) -> list[str]:
    """What is asked about: the lines that are not empty."""
    if arguments.top < 1:
        raise UsageError(f"--top {arguments.top}: must be at least 1")
    names = [line for line in asked("predict", arguments.names, arguments.file, "names") if line]
    if not names:
        raise UsageError("predict: no names; give some after RUN, in --file, or on the standard input")
    return names


def _parser() -> Parser:
    parser = Parser(prog="python -m experiments predict", description=DESCRIPTION, **layout)
    parser.add_argument("run", metavar="RUN", help="a run's folder, or an experiment's name: its newest run in runs/")
    parser.add_argument(
        "names", metavar="NAME", nargs="*", default=[], help="what to ask about (default: the standard input's lines)"
    )
    parser.add_argument("--file", metavar="FILE", type=Path, help="a text, UTF-8, with one name on each line")
    parser.add_argument("--top", metavar="N", type=int, default=3, help="how many answers to show (default 3)")
    return parser

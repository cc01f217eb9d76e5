"""The command ``sample``: let the model that a run has trained say something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .lab.folder import experiment_of, find_run
from .lab.registry import MODULES, find
from .lab.sampling import SampleRequest
from .lab.usage import Parser, UsageError, layout

DESCRIPTION = """\
Let the model of a finished run say something: a name on each line, or a text.

examples:
  python -m experiments sample names                                     the newest run of `names` in runs/
  python -m experiments sample runs/my_run --count 5 --temperature 0.7   a run by its folder, fewer surprises
  python -m experiments sample names --nationality Korean Irish          of a run with --set conditioned=true
  python -m experiments sample text --prompt "Shall I" --length 300      go on with a text
  python -m experiments sample text --temperature 0                      the likeliest character each time
"""


def main(argv: Sequence[str]) -> int:
    """Carry out ``sample`` with these arguments. Raises UsageError for what makes no sense."""
    arguments = vars(_parser().parse_args(argv))
    folder = find_run(arguments.pop("run"), MODULES)
    request = SampleRequest(nationalities=tuple(arguments.pop("nationalities")), **arguments)
    name = experiment_of(folder)
    sample = find(name).sample
    if sample is None:
        raise UsageError(f"{folder}: a run of {name!r}, which trains no model that says something")
    for line in sample(folder, request):
        print(line)
    return 0


def _parser() -> Parser:
    parser = Parser(prog="python -m experiments sample", description=DESCRIPTION, **layout)
    add = parser.add_argument
    add("run", metavar="RUN", help="a run's folder, or an experiment's name: its newest run in runs/")
    add("--count", metavar="N", type=int, help="how many samples (default 10 names, or 1 text)")
    add("--length", metavar="N", type=int, help="characters after the prompt, at most (default 100 of a name, 500 of a text)")
    add("--temperature", metavar="T", type=float, default=1.0, help="below 1: fewer surprises; 0: the likeliest (default 1)")
    add("--top-k", metavar="K", type=int, help="draw from the K likeliest characters only")
    add("--top-p", metavar="P", type=float, default=1.0, help="draw from the fewest that are likely P together (default 1)")
    add("--seed", metavar="N", type=int, default=0, help="another seed, other samples (default 0)")
    add("--prompt", metavar="TEXT", default="", help="what each sample begins with")
    several: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
    add("--nationality", dest="nationalities", metavar="NAME", help="of a conditioned run of names: so many of each", **several)
    return parser

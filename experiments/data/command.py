"""The command ``data``: what data there is, and fetching it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from ..lab import UsageError
from ..lab.usage import Parser, layout, suggestion
from .fetch import fetch
from .samples import SAMPLES
from .sources import SOURCES

DESCRIPTION = """\
The data that the experiments run on: samples, which come with the project, and real data sets, which are fetched.

examples:
  python -m experiments data list                            what there is, and under which licence
  python -m experiments data fetch names                     into data/names
  python -m experiments data fetch korean-english --to kor   into the folder kor

A data set is fetched from the repository and the commit that `list` shows, checked by its SHA-256, and kept in the
user's cache folder, or in the one that the environment variable MINIGRAD_DATA names; a second fetch needs no network.
"""


def main(argv: Sequence[str]) -> int:
    """Carry out ``data`` with these arguments. Raises UsageError for what makes no sense."""
    if argv and not argv[0].startswith("-") and argv[0] not in ("list", "fetch"):
        raise UsageError(f"data: no {argv[0]!r}{suggestion(argv[0], ('list', 'fetch'))}")
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.action == "list":
        print(listing())
    elif arguments.action == "fetch":
        if arguments.name not in SOURCES:
            raise UsageError(f"no data set {arguments.name!r}{suggestion(arguments.name, SOURCES)}; see: data list")
        to = arguments.to or Path("data") / arguments.name
        source = SOURCES[arguments.name]
        files = fetch(arguments.name, source, to)
        print(f"{len(files)} file{'s' * (len(files) > 1)}, verified, in {to}: {', '.join(file.name for file in files)}")
        print(f"try: python -m experiments run {source.run.format(shlex.quote(to.as_posix()))}")
    else:
        parser.print_help()
    return 0


def listing() -> str:
    """A line for each data set with its licence and its origin below, and a line for each sample."""
    lines = ["to be fetched (data fetch NAME):"]
    for name, source in SOURCES.items():
        lines.append(f"  {name:<20} {source.about}")
        lines.append(f"  {'':<20} {source.licence}; {source.repository} @{source.commit[:8]}")
    lines.append("come with the project:")
    lines += [f"  {name:<20} {sample.about}, {sample.count:,} pairs by default" for name, sample in SAMPLES.items()]
    lines.append(f"  {'surnames':<20} 654 surnames of 18 nationalities")
    lines.append(f"  {'text':<20} eight of Shakespeare's sonnets")
    return "\n".join(lines)


def _parser() -> Parser:
    parser = Parser(prog="python -m experiments data", description=DESCRIPTION, **layout)
    actions = parser.add_subparsers(dest="action", metavar="list | fetch")
    actions.add_parser("list", help="what there is: contents, licence, origin", **layout)
    fetching = actions.add_parser("fetch", help="download a data set, verified", **layout)
    fetching.add_argument("name", metavar="NAME", help="a data set, as `list` shows it")
    fetching.add_argument("--to", metavar="DIR", type=Path, help="the folder to put it in (default data/NAME)")
    return parser

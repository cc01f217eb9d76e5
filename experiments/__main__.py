"""The command line ``python -m experiments``: list, run, predict, sample, translate, data, bench."""

import argparse
import io
import os
import shlex
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from . import one_thread  # noqa: F401 (first of all, before NumPy is loaded)
from .lab.claims import summary
from .lab.config import Config, read_toml
from .lab.folder import RunFolder
from .lab.registry import everything, find
from .lab.resume import stored_config
from .lab.run_all import run_all
from .lab.runner import execute
from .lab.terminal import claims_text
from .lab.usage import Parser, UsageError, layout, suggestion

DESCRIPTION = """\
Published results on vanishing and exploding gradients, and networks that read, each one command.

examples:
  python -m experiments list                         what there is, with sources and running times
  python -m experiments run flow                     draw the norm of dL/dh_t against t and check the chain rule
  python -m experiments run flow --quick             the same, smaller, in seconds
  python -m experiments run flow --help              every setting of one experiment
  python -m experiments run surnames                 train a classifier of surnames, on a sample
  python -m experiments predict surnames kang        ask it
  python -m experiments run names                    train a generator of surnames, on the same sample
  python -m experiments sample names                 let it say some
  python -m experiments translate dates 9/27/94      put it into figures, after run dates
  python -m experiments run all --quick              every experiment, small, one after the other
  python -m experiments report                       the newest run of each as a page, report.html
  python -m experiments sweep flow --quick --grid H=16,32 --seeds 3     over settings and seeds, in parallel
  python -m experiments compare runs/one runs/two    two runs side by side
  python -m experiments data list                    the real data sets that can be fetched
  python -m experiments bench engine                 time the engine against what else is installed
"""

RUN_DESCRIPTION = """\
Run an experiment: it draws its figure, computes the numbers its source claims, and says whether they hold.

A run leaves a new folder, and never writes over an earlier one:
  config.json, run.json          the settings with the seed; command, versions, time
  metrics.jsonl, arrays.npz      what was logged on the way; what figure and claims are computed from
  checkpoint.safetensors         after each epoch of a training, all it takes to go on from there
  figure.png, figure.svg         the figure, or several by their names
  claims.json                    each claim's sentence, source, expected, obtained, tolerance, holds
                                 (true, false, or null where a figure is only reported)

`run all` runs every experiment, one after the other, into runs/all-<date>/NAME; what fails does not stop the rest, and
makes the exit code 1. It takes --quick, --seed and --out, which may be the folder of a `run all` that was stopped.

examples:
  python -m experiments run all --quick
  python -m experiments run flow
  python -m experiments run flow --quick --seed 3
  python -m experiments run flow --text my_novel.txt --out runs/my_novel
  python -m experiments run surnames --data surnames_with_splits.csv --set protocol=book
  python -m experiments run flow --set gains=0.9,1,1.1 T=200 optimizer=adam lr=0.001
  python -m experiments run flow --from surnames
  python -m experiments run surnames --config my.toml --dtype float64 --out runs/mine
  python -m experiments run surnames --resume runs/mine
"""


SHORT = ("seed", "text", "data", "device", "dtype")  # options that are short for a setting
RUN_OPTIONS = (*(f"--{name}" for name in SHORT), "--from", "--quick", "--out", "--resume", "--config", "--set", "--help")
COMMANDS = {
    "list": "what there is: name, source, running time",
    "run": "run one experiment; run --help",
    "predict": "ask the model that a run has trained; predict --help",
    "sample": "let the model that a run has trained say something; sample --help",
    "translate": "let it translate, add, or read dates; translate --help",
    "sweep": "run one experiment over a grid of settings and over seeds, in parallel; sweep --help",
    "compare": "two runs side by side; compare --help",
    "report": "runs as one page that needs no network; report --help",
    "data": "what data there is, and fetching it; data --help",
    "bench": "time the engine against what else is installed; bench --help",
}

# Commands with a module of their own, whose `main` is handed the arguments.
ELSEWHERE = {
    "predict": "experiments.predict",
    "sample": "experiments.sample",
    "translate": "experiments.translate",
    "sweep": "experiments.sweep",
    "compare": "experiments.compare",
    "report": "experiments.report",
    "data": "experiments.data.command",
    "bench": "experiments.benchmark",
}


def parsers() -> tuple[Parser, Parser]:
    """The whole command line's parser, and that of ``run`` inside it."""
    top = Parser(prog="python -m experiments", description=DESCRIPTION, **layout)
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("list", help=COMMANDS["list"], **layout)
    run = commands.add_parser("run", help=COMMANDS["run"], description=RUN_DESCRIPTION, add_help=False, **layout)
    run.add_argument("name", metavar="NAME", nargs="?", help="an experiment's name, as `list` shows it, or all")
    run.add_argument("--quick", action="store_true", help="a small version that ends in seconds")
    run.add_argument("--seed", metavar="N", help="short for --set seed=N (default 0)")
    run.add_argument("--out", metavar="DIR", type=Path, help="the run folder (default runs/NAME-<date>-<time>)")
    run.add_argument("--text", metavar="FILE", help="short for --set text=FILE: read your own text, UTF-8")
    run.add_argument("--data", metavar="FILE", help="short for --set data=FILE: your own data")
    run.add_argument("--from", dest="trained", metavar="RUN", help="short for --set trained=RUN: the model of that run")
    run.add_argument("--device", metavar="NAME", help="short for --set device=NAME: train on cpu (the default) or cuda")
    run.add_argument("--dtype", metavar="NAME", help="short for --set dtype=NAME: train in float32 (the default) or float64")
    run.add_argument("--config", metavar="FILE", type=Path, help="settings in TOML, `lr = 0.01` on a line each")
    run.add_argument(
        "--resume", metavar="DIR", nargs="?", type=Path, const=True, help="go on with the stopped run in DIR (default: --out)"
    )
    run.add_argument("--set", metavar="KEY=VALUE", nargs="+", action="extend", default=[], help="change settings")
    run.add_argument("-h", "--help", action="store_true", help="show this, and with NAME its settings")
    for name in ELSEWHERE:
        commands.add_parser(name, help=COMMANDS[name], **layout)
    return top, run


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments; a command or an option that is not there is answered with the nearest one that is."""
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
        raise UsageError(f"no command {argv[0]!r}{suggestion(argv[0], COMMANDS)}")
    arguments, unknown = parsers()[0].parse_known_args(argv)
    if unknown:
        known = RUN_OPTIONS if arguments.command == "run" else ()
        raise UsageError(f"unknown argument {unknown[0]!r}{suggestion(unknown[0].partition('=')[0], known)}")
    return arguments


def settings(arguments: argparse.Namespace, kind: type[Config]) -> dict[str, str]:
    """``--config`` and, stronger, ``--set``, ``--seed``, ``--data`` and their like, as one table of settings."""
    table = read_toml(arguments.config, kind) if arguments.config else {}
    for item in arguments.set:
        key, equals, value = item.partition("=")
        if not equals:
            raise UsageError(f"--set {item}: expected KEY=VALUE, such as --set T=50")
        table[key] = value
    for name in (*SHORT, "trained"):
        if getattr(arguments, name) is not None:
            table[name] = getattr(arguments, name)
    return table


def resumed(arguments: argparse.Namespace) -> Path | None:
    """The folder of the run to go on with, None without ``--resume``. With ``--out DIR --resume`` there may be no run yet."""
    if arguments.resume is None:
        return None
    folder: Path | None = arguments.out if arguments.resume is True else arguments.resume
    if folder is None:
        raise UsageError("--resume: which run? Give its folder: --resume DIR")
    if arguments.out not in (None, folder):
        raise UsageError(f"--out {arguments.out} and --resume {folder}: name one folder")
    if arguments.resume is not True and not (folder / "config.json").is_file():
        raise UsageError(f"--resume {folder}: no run lies there: it has no config.json; start one with --out {folder}")
    return folder


def run(arguments: argparse.Namespace, argv: Sequence[str]) -> None:
    """``run NAME``: run it, print its table and its claims, name the folder."""
    if arguments.name is None:
        raise UsageError("run: which experiment? See: python -m experiments list")
    experiment = find(arguments.name)
    given, out = settings(arguments, experiment.config), resumed(arguments)
    if out is not None and (out / "config.json").is_file():
        config = stored_config(out, experiment.name, experiment.config, given, quick=arguments.quick)
        if RunFolder(out).finished:
            print(f"{out}: this run has come to its end; there is nothing to resume")
            return
    else:
        config = experiment.config.build(given, quick=arguments.quick)
    command = shlex.join(["python", "-m", "experiments", *argv])
    resume = out is not None
    folder, arrays, claims = execute(experiment, config, out=out or arguments.out, command=command, resume=resume)
    print(f"{experiment.table(config, arrays)}\n\n{claims_text(claims)}\n")
    print(f"{summary(claims)}. Figures and numbers: {', '.join(str(path) for path in sorted(folder.glob('*.png')))}")


def run_everything(arguments: argparse.Namespace) -> int:
    """``run all``; the exit code."""
    given = {"--set": arguments.set, "--config": arguments.config, "--resume": arguments.resume, "--from": arguments.trained}
    given |= {f"--{name}": getattr(arguments, name) for name in SHORT if name != "seed"}
    for option, value in given.items():
        if value:
            raise UsageError(f"{option}: is for one experiment; run all takes --quick, --seed and --out")
    return run_all(quick=arguments.quick, seed=arguments.seed, out=arguments.out)


def show_help(name: str | None) -> None:
    """The help of ``run`` and, after it, every setting of the experiment `name`."""
    experiment = find(name) if name not in (None, "all") else None
    print(parsers()[1].format_help())
    if experiment:
        print(f"settings of {experiment.name} (--set KEY=VALUE):")
        for setting, kind, text in experiment.config.document():
            print(f"  {setting}\n      {text} ({kind})")


def list_experiments() -> None:
    """``list``: a line for each experiment and a line for its source."""
    for experiment in everything():
        print(f"{experiment.name:<18} {experiment.summary}\n{'':<18} {experiment.source}; {experiment.runtime}")


def dispatch(argv: Sequence[str]) -> int:
    """Carry out one command line; raises UsageError for one that makes no sense."""
    if argv and argv[0] in ELSEWHERE:
        return int(import_module(ELSEWHERE[argv[0]]).main(list(argv[1:])))
    arguments = parse(argv)
    if arguments.command == "list":
        list_experiments()
    elif arguments.command == "run" and arguments.help:
        show_help(arguments.name)
    elif arguments.command == "run" and arguments.name == "all":
        return run_everything(arguments)
    elif arguments.command == "run":
        run(arguments, argv)
    else:
        parsers()[0].print_help()
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code: 0, 2 for bad input (one line on stderr), 130 when interrupted, 141 when nobody reads on (``| head``)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without ‖ shows ? in its place
            stream.reconfigure(errors="replace")
    try:
        code = dispatch(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
        return code
    except UsageError as error:
        print(f"python -m experiments: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # lest Python fail at the end to write what is left
        return 141
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())

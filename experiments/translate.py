"""The command ``translate``: let the model that a run has trained make another text of each line."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from minigrad.utils.files import write_atomically

from .data.text import asked
from .lab.figures import house_style, rendered
from .lab.folder import experiment_of, find_run
from .lab.registry import MODULES, find
from .lab.sampling import SampleRequest
from .lab.translation import Translation, TranslationRequest
from .lab.usage import Parser, UsageError, layout

DESCRIPTION = """\
Let the model of a finished run translate: a line for each sentence, or for each line of a file or of the standard input.
Sums and dates are translated too. What the model does not know, in a sentence or in its translation, is told on stderr.

examples:
  python -m experiments translate translate "저는 책을 읽었어요."          the newest run of `translate` in runs/
  python -m experiments translate runs/my_run --beam 4 --file ko.txt > en.txt
  echo "september 27, 1994" | python -m experiments translate dates
  python -m experiments translate addition 16+75 7+8 --model plain      one of the models of the run
  python -m experiments translate translate "..." --align map.png       draw what it attended to
  python -m experiments translate translate "..." --temperature 0.7     draw each word, in place of the likeliest
"""
DRAWABLE = 12  # sentences in one picture
PICTURES = (".png", ".svg", ".pdf")


def main(argv: Sequence[str]) -> int:
    """Carry out ``translate`` with these arguments. Raises UsageError for what makes no sense."""
    arguments = _parser().parse_intermixed_args(argv)
    request = _request(arguments)
    folder = find_run(arguments.run, MODULES)
    name = experiment_of(folder)
    translate = find(name).translate
    if translate is None:
        raise UsageError(f"{folder}: a run of {name!r}, which trains no model that translates")
    lines = asked("translate", arguments.sentences, arguments.file, "sentences")
    _check(lines, arguments.align)
    answers = []
    for number, answer in enumerate(translate(folder, lines, request), 1):
        print(answer.text)
        for note in _notes(answer):
            print(f"line {number}: {note}", file=sys.stderr)
        answers.append(answer)
    if arguments.align:
        _draw(arguments.align, [answer for answer in answers if answer.weights is not None])
    return 0


def _request(arguments: Namespace) -> TranslationRequest:
    given = {name: getattr(arguments, name) for name in ("temperature", "top_k", "top_p", "seed")}
    given = {name: value for name, value in given.items() if value is not None}
    drawn = SampleRequest(**given) if given else None
    return TranslationRequest(arguments.model, arguments.beam, arguments.length_penalty, drawn, arguments.align is not None)


def _check(lines: Sequence[str], align: Path | None) -> None:
    count = sum(map(bool, lines))
    if not count:
        raise UsageError("translate: no sentences; give some after RUN, in --file, or on the standard input")
    if align is None:
        return
    if align.suffix.lower() not in PICTURES:
        raise UsageError(f"--align {align}: the name of a picture ends in {', '.join(PICTURES[:-1])} or {PICTURES[-1]}")
    if not align.parent.is_dir():
        raise UsageError(f"--align {align}: there is no folder {align.parent}")
    if count > DRAWABLE:
        raise UsageError(f"--align {align}: {count} sentences; {DRAWABLE} are the most for one picture")


def _notes(answer: Translation) -> list[str]:
    """What the reader of a translation should know."""
    notes = []
    if answer.unknown:
        notes.append(f"not in the training sources, read as <UNK>: {' '.join(answer.unknown)}")
    if answer.unsaid:
        notes.append(f"{answer.unsaid} times <UNK> in the answer: a word that the model has not learned to say")
    if answer.cut:
        notes.append(f"cut off after {len(answer.target_tokens)} tokens: the answer did not end")
    return notes


def _draw(path: Path, answers: Sequence[Translation]) -> None:
    from .language.pair_decoding import readable
    from .language.pair_figures import alignment_figure

    weights = [answer.weights for answer in answers if answer.weights is not None]
    sources, targets = (
        [readable(tokens) for tokens in side] for side in zip(*((a.source_tokens, a.target_tokens) for a in answers))
    )
    with house_style():
        picture = rendered(alignment_figure(weights, sources, targets), path.suffix.lower()[1:])
    try:
        write_atomically(path, picture)
    except OSError as error:
        raise UsageError(f"--align {path}: {error.strerror}") from None


def _parser() -> Parser:
    parser = Parser(prog="python -m experiments translate", description=DESCRIPTION, **layout)
    add = parser.add_argument
    add("run", metavar="RUN", help="a run's folder, or an experiment's name: its newest run in runs/")
    add("sentences", metavar="SENTENCE", nargs="*", default=[], help="what to translate (default: the standard input's lines)")
    add("--file", metavar="FILE", type=Path, help="a text, UTF-8, with a sentence on each line")
    add(
        "--model", metavar="NAME", help="which of the run's models (default: with attention, else with context, else the first)"
    )
    add("--beam", metavar="N", type=int, default=1, help="keep the N likeliest beginnings (default 1: greedy search)")
    add("--length-penalty", metavar="A", type=float, default=0.0, help="of the beam: the larger, the longer (default 0)")
    add("--temperature", metavar="T", type=float, help="draw each token from softmax(z / T), in place of searching")
    add("--top-k", metavar="K", type=int, help="draw from the K likeliest tokens only")
    add("--top-p", metavar="P", type=float, help="draw from the fewest tokens that are likely P together")
    add("--seed", metavar="N", type=int, help="another seed, other draws (default 0)")
    add("--align", metavar="FILE", type=Path, help="draw the attention's weights: .png, .svg or .pdf")
    return parser

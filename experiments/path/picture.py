"""The one picture of each script: a PNG where the script was started, or, in a notebook, beneath its cell."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from experiments.lab.figures import house_style, new_figure, rendered
from minigrad.utils.files import write_atomically


@contextmanager
def picture(name: str, width: float = 10.0, height: float = 4.0, panels: Sequence[float] = (1, 1)) -> Iterator[Any]:
    """Yield the Axes to draw on; then show the figure, or write it to `--out`.

    Args:
        name: of the script; the file is called so unless `--out` says otherwise.
        width: of the figure, in inches.
        height: likewise.
        panels: the widths of the Axes beside each other, as ratios. One of them is yielded alone, several as an array.
    """
    with house_style():
        figure = new_figure(width, height)
        yield figure.subplots(1, len(panels), width_ratios=list(panels))
        png = rendered(figure, "png")
    if "ipykernel" in sys.modules:  # a notebook
        shown = import_module("IPython.display")
        shown.display(shown.Image(png, width=96 * width))
        return
    path = _path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, png)
    print(f"{name}: all assertions so far hold; the picture is {path}")


def _path(name: str) -> Path:
    """Return where the command line wants the picture."""
    parser = argparse.ArgumentParser(prog=f"python -m experiments.path.{name}", description="One step of the study path.")
    parser.add_argument("--out", type=Path, default=Path(), help="a folder, or a file ending in .png (default: here)")
    out: Path = parser.parse_args().out
    return out if out.suffix == ".png" else out / f"{name}.png"

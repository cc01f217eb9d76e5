"""Speed against the peers: `python -m experiments bench engine`.

Read in this order: `timing.py` (paired timing), `conditions.py` (one thread, or no figures), `agreement.py` (equal
gradients first), `rows.py` (the two kinds of rows), `engine.py`, `library.py`, `embedding.py`, `recurrent.py` (the rows
themselves: add yours there), `combined.py` (what several rows say together).

On a GPU, `bench --device cuda`: `gpu_conditions.py` (precisions, pinned on both sides; the clock), `gpu_limits.py` (what the
arithmetic and the memory allow), `gpu_programs.py`, `gpu_rows.py`, `gpu_command.py`.
"""

from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Carry out ``bench`` with these arguments; NumPy is loaded no sooner, so that its threads can be set before."""
    from .command import main

    return main(argv)

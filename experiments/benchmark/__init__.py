"""Speed against the peers: `python -m experiments bench engine`.

Read in this order: `timing.py` (paired timing), `conditions.py` (one thread, or no figures), `agreement.py` (equal
gradients first), `rows.py` (the two kinds of rows), `engine.py` (the rows themselves: add yours there).
"""

from .command import main

__all__ = ["main"]

"""The table that the registry tests walk: for every op how to draw its inputs, and what it should return.

An op without an entry fails the suite (test_registry.py). Entries are grouped in files like the ops themselves.
"""

from __future__ import annotations

from .table_activations import ACTIVATIONS
from .table_attention import ATTENTION
from .table_elementwise import ELEMENTWISE
from .table_indexing import INDEXING
from .table_linalg import LINALG
from .table_pairs import PAIRS
from .table_recurrent import RECURRENT
from .table_reductions import REDUCTIONS
from .table_scans import SCANS
from .table_shape import SHAPE
from .table_transcendental import TRANSCENDENTAL

TABLE = {
    **ELEMENTWISE, **SHAPE, **INDEXING, **REDUCTIONS, **LINALG, **TRANSCENDENTAL, **SCANS, **ACTIVATIONS, **PAIRS, **RECURRENT,
    **ATTENTION,
}  # fmt: skip

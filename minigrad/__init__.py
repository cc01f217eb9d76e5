"""minigrad: reverse-mode automatic differentiation on NumPy and CuPy, by PyTorch's names. `import minigrad as torch`.

Where to read: ops/rule.py (what an op is), ops/elementwise.py (the ops themselves), graph.py and backward.py (the graph and
the sweep over it), views.py and memory.py (shared memory and in-place writes).
"""

from __future__ import annotations

import math as _math
import warnings as _warnings
from importlib import import_module as _import_module
from importlib.metadata import version as _version
from typing import Any

# Overflow to inf and 0/0 to nan are results here, as in PyTorch; NumPy would warn at each. Only minigrad's own modules.
_warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"(minigrad|layers)\.")

from . import autograd, cuda, functional, linalg, optim, random, utils
from .arrays import Device as device
from .autograd import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .dtypes import (
    bool_ as bool,
    dtype,
    float16,
    float16 as half,
    float32,
    float32 as float,
    float64,
    float64 as double,
    int8,
    int16,
    int16 as short,
    int32,
    int32 as int,
    int64,
    int64 as long,
    uint8,
)
from .functions.combining import *
from .functions.conversion import *
from .functions.counting import *
from .functions.creation import *
from .functions.einsum import *
from .functions.elementwise import *
from .functions.filling import *
from .functions.forming import *
from .functions.indexing import *
from .functions.info import *
from .functions.layout import *
from .functions.legacy import *
from .functions.multinomial import *
from .functions.norms import *
from .functions.ordering import *
from .functions.pairs import *
from .functions.products import *
from .functions.rearranging import *
from .functions.reductions import *
from .functions.sampling import *
from .functions.scattering import *
from .functions.shape import *
from .functions.softmax import *
from .functions.sorting import *
from .functions.transcendental import *
from .functions.writing import *
from .printing import set_printoptions
from .random import Generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from .serialization import load, save
from .tensor import Size, Tensor
from .threads import get_num_threads, set_num_threads

__version__ = _version("minigrad")
inf, nan, pi, e = _math.inf, _math.nan, _math.pi, _math.e


def __getattr__(name: str) -> Any:
    if name == "nn":  # the layers are a package of their own, built on this one
        return _import_module("layers")
    from .names import missing_attribute

    raise missing_attribute(__name__, name, globals())

"""minigrad: reverse-mode automatic differentiation on NumPy and CuPy, by PyTorch's names. `import minigrad as torch`.

Where to read: ops/rule.py (what an op is), ops/elementwise.py (the ops themselves), graph.py and backward.py (the graph and
the sweep over it), views.py and memory.py (shared memory and in-place writes).
"""

from __future__ import annotations

import warnings as _warnings
from typing import Any

# Overflow to inf and 0/0 to nan are results here, as in PyTorch; NumPy would warn at each. Only minigrad's own modules.
_warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"(minigrad|layers)\.")

from . import autograd, dtypes
from .arrays import Device as device
from .autograd import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .dtypes import dtype, float16, float32, float64, int8, int16, int32, int64, uint8
from .functions.conversion import *
from .functions.elementwise import *
from .functions.indexing import *
from .functions.shape import *
from .tensor import Size, Tensor

globals().update(dtypes.NAMES)


def __getattr__(name: str) -> Any:
    from .names import missing_attribute

    raise missing_attribute(__name__, name, globals())

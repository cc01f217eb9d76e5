"""The array standard's namespace for CuPy: array-api-compat's, with three functions in another form.

Its `sign` and `clip` write by a mask, and how many elements a mask has is read by the host: every call waits for the GPU.
CuPy's `inv` does not look whether a matrix was singular; to know, the host must wait, as PyTorch's does.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

Array = Any


def standard(cupy: Any) -> SimpleNamespace:
    """Return array-api-compat's names, which include those that CuPy lacks, with a `sign`, a `clip` and an `inv` of our own."""
    import array_api_compat.cupy
    import cupyx

    def sign(x: Array) -> Array:
        found = cupy.sign(x)
        return cupy.where(x == x, found, x) if x.dtype.kind == "f" else found  # CuPy's sign of nan is not nan

    def clip(x: Array, min: Any = None, max: Any = None) -> Array:
        for bound, nearer in ((min, cupy.maximum), (max, cupy.minimum)):
            if bound is not None:
                x = nearer(x, bound).astype(x.dtype, copy=False)
        return x

    def inv(x: Array) -> Array:
        with cupyx.errstate(linalg="raise"):
            return cupy.linalg.inv(x)

    names, linalg = vars(array_api_compat.cupy), vars(array_api_compat.cupy.linalg)
    return SimpleNamespace(**{**names, "sign": sign, "clip": clip, "linalg": SimpleNamespace(**{**linalg, "inv": inv})})

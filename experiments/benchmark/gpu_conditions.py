"""What must be so before anything is timed on a GPU: what is installed, who decides over TF32, and what the clock waits for.

TF32 keeps 10 of the 23 bits behind the point of a product's operands, and is quicker for it. PyTorch allows it to cuDNN by
default and CuPy does not; where it is left to each, two different computations are compared. Here it is set for both, read
back, and printed.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import minigrad
from experiments.lab.usage import UsageError

from .conditions import Refused, WrongConditions
from .rows import BASE, OURS

# What decides over TF32 in place of the rows, where it is set.
TF32_VARIABLES = ("CUPY_TF32", "NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE")


@dataclass(frozen=True)
class Precision:
    """A precision, and what both sides must be told to compute in it.

    Attributes:
        name: "fp32", "tf32", "fp16" or "bf16".
        words: for titles.
        tolerance: largest deviation of the gradients, relative to their largest element, that is rounding.
        dtype: of PyTorch's weights, inputs and states.
        cudnn: whether PyTorch's cuDNN may use TF32.
        matmul: whether PyTorch's other products may.
        ours: what the `precision` of our layers may call it.
    """

    name: str
    words: str
    tolerance: float
    dtype: str = "float32"
    cudnn: bool = False
    matmul: bool = False
    ours: tuple[str | None, ...] = ()

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return 4 if self.dtype == "float32" else 2


# Two layers that are right differ by some roundings: 2^-24 in float32, 2^-11 in TF32 and float16, 2^-8 in bfloat16 for each
# operand. Over 1,000 steps PyTorch's own layers on the CPU come to 5e-6, 1e-2 (float16) and 7e-2 of the largest element.
FP32 = Precision("fp32", "strict float32", 1e-4, ours=(None,))
TF32 = Precision("tf32", "TF32", 2e-2, cudnn=True, matmul=True, ours=("tf32",))
FP16 = Precision("fp16", "float16", 5e-2, dtype="float16", ours=("fp16", "float16"))
BF16 = Precision("bf16", "bfloat16", 2e-1, dtype="bfloat16", ours=("bf16", "bfloat16"))
PRECISIONS = (FP32, TF32, FP16, BF16)


def require_gpu() -> None:
    """Raise UsageError that names all that is missing for `bench --device cuda`, or decides over TF32 from outside."""
    wanting = [sentence for find in (_ours_missing, _base_missing) if (sentence := find())]
    if wanting:
        raise UsageError(f"bench --device cuda: {'; '.join(wanting)}")
    if found := [name for name in TF32_VARIABLES if name in os.environ]:
        raise UsageError(f"bench --device cuda: {', '.join(found)} decides over TF32, which the rows set themselves; unset it")


def _ours_missing() -> str | None:
    """What our side lacks: CuPy, a driver, a GPU."""
    from minigrad.arrays import Device, backend_for

    try:
        backend_for(Device.of("cuda"))
    except RuntimeError as missing:
        return str(missing)
    return None


def _base_missing() -> str | None:
    """What PyTorch's side lacks."""
    if importlib.util.find_spec("torch") is None:
        return f"{BASE} is what it is compared with, and is not installed: pip install torch"
    torch = importlib.import_module("torch")
    if torch.version.cuda is None:
        return f"{BASE} {torch.__version__} is built without CUDA; install a build with it (pytorch.org)"
    if not torch.cuda.is_available():
        return f"{BASE} {torch.__version__} for CUDA {torch.version.cuda} finds no GPU"
    return None if torch.backends.cudnn.is_available() else f"{BASE} {torch.__version__} finds no cuDNN"


@contextmanager
def pinned(precision: Precision) -> Iterator[dict[str, dict[str, object]]]:
    """Run the body with PyTorch's settings for a precision; yield both sides' settings; put PyTorch's back afterwards.

    Memory that either library keeps idle is given back first, so that neither is short of what the other holds.

    Raises:
        WrongConditions: PyTorch does not keep a setting, or its cuDNN is switched off.
    """
    torch = importlib.import_module("torch")
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    _release(torch)
    before = cudnn.allow_tf32, matmul.allow_tf32
    try:
        cudnn.allow_tf32, matmul.allow_tf32 = precision.cudnn, precision.matmul
        found = {
            "dtype": precision.dtype,
            "cudnn.enabled": cudnn.enabled,
            "cudnn.allow_tf32": cudnn.allow_tf32,
            "cuda.matmul.allow_tf32": matmul.allow_tf32,
        }
        wanted = {"cudnn.enabled": True, "cudnn.allow_tf32": precision.cudnn, "cuda.matmul.allow_tf32": precision.matmul}
        if wrong := {name: found[name] for name, value in wanted.items() if found[name] is not value}:
            raise WrongConditions(f"{BASE} does not keep its settings for {precision.words}: {wrong}")
        yield {OURS: {"CUPY_TF32": os.environ.get("CUPY_TF32", "not set")}, BASE: found}
    finally:
        cudnn.allow_tf32, matmul.allow_tf32 = before


def _release(torch: Any) -> None:
    """Give memory that no array uses back to the driver."""
    gc.collect()
    minigrad.cuda.empty_cache()
    torch.cuda.empty_cache()


@contextmanager
def refusing(side: str) -> Iterator[None]:
    """Turn what fails on the GPU, a lack of memory above all, into a refusal of the row that names the side."""
    try:
        yield
    except Refused:
        raise
    except (RuntimeError, MemoryError) as error:
        raise Refused(f"{side} failed with {type(error).__name__}: {' '.join(str(error).split())}") from None


class WallClock:
    """Seconds of wall time, read when the GPU has done all that it was told.

    CUDA events belong to the streams of one library; what both have in common is the device, and the time on the wall.
    """

    def __init__(self, *waits: Callable[[], object]) -> None:
        self.waits = waits

    @classmethod
    def of_both(cls) -> WallClock:
        """Wait for minigrad's work and for PyTorch's."""
        return cls(minigrad.cuda.synchronize, importlib.import_module("torch").cuda.synchronize)

    def __call__(self) -> float:
        """Wait, then read the clock."""
        for wait in self.waits:
            wait()
        return time.perf_counter()


def describe() -> dict[str, Any]:
    """The conditions as they are written into the results."""
    return {
        "clock": "time.perf_counter between waits for the device, which stand at both ends of a block of calls",
        "cyclic garbage collector": "run before each block; what existed before the timing is frozen",
        "warm-up": "a call whose gradients are compared, some that are not counted, and one before each block: so graphs are "
        "captured and kernels compiled before anything is timed",
        "paired": "blocks of both sides alternate in one process, order reversed every other repetition",
        "value": "median of the paired ratios [first quartile, third quartile]",
    }

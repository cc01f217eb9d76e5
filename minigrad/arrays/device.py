"""`torch.device`: a type ("cpu", "cuda") and an index."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

KINDS = ("cpu", "cuda", "strict")
"""The types there are; "strict" is that of the tests' library."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where an array lives. `Device.of("cuda:1")`; prints and compares as PyTorch's `device(type='cuda', index=1)`."""

    type: str
    index: int | None = None

    def __post_init__(self) -> None:
        if self.type not in KINDS:  # "cuda:1", an index, or another Device
            found = Device.of(self.type)
            if self.index is not None and found.index is not None:
                raise RuntimeError(f"type (string) must not include an index because index was passed explicitly: {self.type}")
            object.__setattr__(self, "type", found.type)
            object.__setattr__(self, "index", found.index if self.index is None else self.index)

    @classmethod
    def of(cls, spec: Any = None) -> Device:
        """Translate "cpu", "cuda", "cuda:1", an index, a Device or None (the CPU) into a Device."""
        if isinstance(spec, Device):
            return spec if spec.index is not None or spec.type == "cpu" else Device(spec.type, 0)
        if spec is None:
            return CPU
        if isinstance(spec, int):
            return Device("cuda", spec)
        match = re.fullmatch(r"([a-z]+)(?::(\d+))?", str(spec))
        if match is None or match[1] not in KINDS:
            raise RuntimeError(f"Expected one of cpu, cuda device type at start of device string: {spec!r}")
        if match[1] == "cpu":
            return CPU
        return Device(match[1], int(match[2] or 0))

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"


CPU = Device("cpu")

"""save and load: Tensors as safetensors, everything around them as JSON in the file's metadata. Nothing is ever unpickled.

A file is a safetensors file. Its Tensors bear the names under which they are found in what was saved, joined by dots
("state.0.exp_avg"), so a module's state_dict is a plain safetensors file of its parameters, which other programs read; the
rest is in the metadata, under "minigrad", with a check sum. A safetensors file from elsewhere loads as a dictionary.
"""

from __future__ import annotations

import json
import math
import os
import zlib
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from . import arrays, dtypes
from .arrays import Device
from .tensor import Size, Tensor
from .utils.files import write_atomically

__all__ = ["load", "save"]

Arrays = dict[str, np.ndarray]

_SUM = "minigrad_crc32"

_DICTS: dict[str, type[dict[Any, Any]]] = {"dict": dict, "OrderedDict": OrderedDict, "Counter": Counter}
_SEQUENCES: dict[str, Callable[[list[Any]], Any]] = {"tuple": tuple, "Size": Size, "set": set}


def save(obj: Any, f: Any) -> None:
    """Write an object: Tensors, NumPy arrays, numbers, texts, None, dtypes, devices, and dictionaries, lists, tuples and sets
    of them, as deep as one likes.

    A file is written under another name first and then renamed, so that it is there whole or not at all. Tensors come back
    with their values, dtype, shape and `requires_grad`, as leaves on the CPU. One that is saved under two names is written
    twice.

    Args:
        obj: what to save.
        f: the file's name, or a file opened to write bytes.

    Raises:
        TypeError: it contains what is none of these; the message says where.
    """
    found: Arrays = {}
    tree = json.dumps(_encode(obj, (), found), ensure_ascii=False, allow_nan=False)
    content = _ordered(safetensors.numpy.save(found, {"format": "pt", "minigrad": tree, _SUM: str(_checksum(tree, found))}))
    if hasattr(f, "write"):
        f.write(content)
    else:
        write_atomically(Path(f), content)


def load(f: Any, map_location: Any = None, *, weights_only: bool | None = None) -> Any:
    """Read what `save` wrote, or the dictionary {name: Tensor} of any other safetensors file.

    Args:
        f: the file's name, or a file opened to read bytes.
        map_location: the device to put the Tensors on, the CPU if None.
        weights_only: as in PyTorch; only data are ever loaded, so False is refused.

    Raises:
        ValueError: `weights_only` is False.
        RuntimeError: the file is damaged, is none of these, or has Tensors of a type that minigrad lacks.
        FileNotFoundError: it does not exist.
    """
    if weights_only is False:
        raise ValueError("load: weights_only=False would run a pickle's code; minigrad loads data only")
    name = getattr(f, "name", type(f).__name__) if hasattr(f, "read") else os.fspath(f)
    content = f.read() if hasattr(f, "read") else Path(f).read_bytes()
    try:
        found, metadata = _open(content)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise RuntimeError(f"load: {name} {_complaint(content, error)}") from None
    device = Device.of(map_location or "cpu")
    if not {"minigrad", _SUM} & metadata.keys():
        return {key: _tensor(array, device) for key, array in found.items()}
    tree = metadata.get("minigrad", "")
    if metadata.get(_SUM) != str(_checksum(tree, found)):
        raise RuntimeError(f"load: {name} is damaged: its check sum does not fit its content")
    return _decode(json.loads(tree), found, device)


# ---- files


def _ordered(content: bytes) -> bytes:
    """Return a safetensors file with its metadata in a fixed order: equal objects are saved as equal bytes."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the Tensors after it stay aligned
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def _open(content: bytes) -> tuple[Arrays, dict[str, str]]:
    """Return a safetensors file's arrays, writable, in the order of their names, and its metadata."""
    found = safetensors.numpy.load(content)  # checks the header and the length
    length = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    for array in found.values():
        dtypes.dtype.of(array.dtype)  # TypeError for those that minigrad lacks
    return {key: np.array(array) for key, array in sorted(found.items())}, metadata


def _complaint(content: bytes, error: Exception) -> str:
    """Say what is wrong with a file, in one line."""
    header = content[8:9] == b"{"  # a safetensors file's length, which stands before it, may begin as a pickle does
    if content[:4] == b"PK\x03\x04" or (content[:1] == b"\x80" and not header):
        return "is a pickle, which minigrad does not load; write it anew with safetensors.torch.save_file"
    if isinstance(error, (KeyError, TypeError)):
        return f"has Tensors of a type that minigrad lacks: {error}"
    return f"is damaged, or no safetensors file: {' '.join(str(error).split())}"


def _checksum(tree: str, found: Arrays) -> int:
    """Return a sum over everything that is loaded, whatever the order of the Tensors in the file."""
    total = zlib.crc32(tree.encode())
    for key in sorted(found):
        array = found[key]
        total = zlib.crc32(f"{key} {array.dtype.str} {array.shape}".encode(), total)
        total = zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, total)
    return total


# ---- values: plain JSON where JSON has the very thing, else an object {kind: content}


def _encode(value: Any, path: tuple[str, ...], found: Arrays) -> Any:
    """Return a value as JSON, its arrays moved to `found`."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, str)) or type(value) is int:
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, (Tensor, np.ndarray)):
        return _encode_array(value, path, found)
    if isinstance(value, dict):
        kind = type(value).__name__ if type(value).__name__ in _DICTS else "dict"
        pairs = value.items()
        return {kind: [[_encode(key, path, found), _encode(v, (*path, str(key)), found)] for key, v in pairs]}
    if isinstance(value, (list, tuple, set)):
        parts = [_encode(part, (*path, str(i)), found) for i, part in enumerate(value)]
        if isinstance(value, list):
            return parts
        return {"Size" if isinstance(value, Size) else "set" if isinstance(value, set) else "tuple": parts}
    if isinstance(value, dtypes.dtype):
        return {"dtype": value.name}
    if isinstance(value, Device):
        return {"device": str(value)}
    place = ".".join(path) or "the object"
    raise TypeError(f"save: {place} is a {type(value).__name__}, which is neither a Tensor nor plain data")


def _encode_array(value: Tensor | np.ndarray, path: tuple[str, ...], found: Arrays) -> dict[str, Any]:
    key = name = ".".join(path) or "value"
    copies = 1
    while key in found or key == "__metadata__":  # taken by {"a": {"b": …}, "a.b": …}, or by the format
        copies += 1
        key = f"{name}#{copies}"
    array = arrays.to_numpy(value.array) if isinstance(value, Tensor) else value
    dtypes.dtype.of(array.dtype)  # TypeError for those that minigrad lacks
    found[key] = np.array(array, order="C")
    if isinstance(value, Tensor):
        return {"Tensor": key, "requires_grad": True} if value.requires_grad else {"Tensor": key}
    return {"ndarray": key}


def _decode(value: Any, found: Arrays, device: Device) -> Any:
    """Return the value that `_encode` was given."""
    if isinstance(value, list):
        return [_decode(part, found, device) for part in value]
    if not isinstance(value, dict):
        return value
    kind, content = next(iter(value.items()))
    if kind in _DICTS:
        return _DICTS[kind]({_decode(key, found, device): _decode(part, found, device) for key, part in content})
    if kind in _SEQUENCES:
        return _SEQUENCES[kind]([_decode(part, found, device) for part in content])
    if kind == "Tensor":
        return _tensor(found[content], device, value.get("requires_grad", False))
    scalars: dict[str, Callable[[Any], Any]] = {
        "float": float, "ndarray": found.__getitem__, "dtype": dtypes.NAMES.__getitem__, "device": Device.of,
    }  # fmt: skip
    return scalars[kind](content)


def _tensor(array: np.ndarray, device: Device, requires_grad: bool = False) -> Tensor:
    return Tensor.wrap(arrays.to_device(array, device), requires_grad)

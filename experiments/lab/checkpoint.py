"""A checkpoint: one file that holds all it takes to go on with a training as if it had never stopped.

The file is a safetensors file with a check sum (`minigrad.save`). It is written under another name, flushed to the disk and
renamed, so that it is there whole or not at all, and the one before it stays until then. It says which experiment it
is of, with which settings and on which data; what does not fit is refused before anything is changed.
"""

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import minigrad
from minigrad import Tensor
from minigrad.arrays import Device
from minigrad.random import default_generator

from .usage import UsageError

VERSION = 1
FORMAT = "minigrad training checkpoint"
PATTERN = "checkpoint*.safetensors"

# What a checkpoint consists of, and the type of each part.
PARTS: dict[str, type | tuple[type, ...]] = {
    "experiment": str,
    "config": str,
    "data": str,
    "model": dict,
    "optimizer": dict,
    "scheduler": (dict, type(None)),
    "stopping": (dict, type(None)),
    "generators": dict,
    "sources": dict,
    "epoch": int,
    "update": int,
    "history": list,
    "lines": dict,
    "finished": bool,
}


def file_name(name: str = "") -> str:
    """The checkpoint of the training called `name`, or of the only one."""
    return f"checkpoint-{name}.safetensors" if name else "checkpoint.safetensors"


def write(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint with the parts of `PARTS`."""
    minigrad.save({"format": FORMAT, "version": VERSION, **state}, path)


def read(path: Path) -> dict[str, Any]:
    """The parts of a checkpoint.

    Raises:
        UsageError: the file cannot be read, is damaged, is no checkpoint, or is of a newer format; the message says which.
    """
    try:
        contents = minigrad.load(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except (RuntimeError, LookupError, TypeError, ValueError, AttributeError, StopIteration) as error:
        reason = _one_line(error).removeprefix(f"load: {path} ")
        raise UsageError(f"{path}: {reason}; nothing was changed") from None
    if not isinstance(contents, dict) or contents.get("format") != FORMAT:
        raise UsageError(f"{path}: is no checkpoint of a training; nothing was changed")
    version = contents.get("version")
    if type(version) is not int or version != VERSION:
        raise UsageError(
            f"{path}: is of format {version!r}, and this minigrad ({minigrad.__version__}) reads format {VERSION}; "
            "resume with the version that wrote it"
        )
    for name, kind in PARTS.items():
        if name not in contents:
            raise UsageError(f"{path}: is damaged: it lacks {name!r}")
        if not isinstance(contents[name], kind):
            raise UsageError(f"{path}: is damaged: {name!r} is a {type(contents[name]).__name__}")
    return contents


def check_experiment(path: Path, state: dict[str, Any], experiment: str) -> None:
    """Refuse the checkpoint of another experiment. Raises UsageError."""
    if state["experiment"] != experiment:
        raise UsageError(f"{path}: is of the experiment {state['experiment']!r}, not of {experiment!r}; nothing was changed")


def check_owner(path: Path, state: dict[str, Any], experiment: str, config: str) -> None:
    """Refuse the checkpoint of another experiment, or of other settings. Raises UsageError, which names the first of them."""
    check_experiment(path, state, experiment)
    try:
        saved, own = json.loads(state["config"] or "{}"), json.loads(config or "{}")
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}: is damaged: its config is no JSON: {error.msg}") from None
    if not isinstance(saved, dict):
        raise UsageError(f"{path}: is damaged: its config is a {type(saved).__name__}")
    for key in sorted(saved.keys() | own.keys()):
        if saved.get(key) != own.get(key):
            told = f"{key}={saved.get(key)!r}, and this run has {key}={own.get(key)!r}"
            raise UsageError(f"{path}: is of a run with {told}; nothing was changed")


def check_data(path: Path, state: dict[str, Any], data: str) -> None:
    """Refuse to go on with other data than the checkpoint's. Raises UsageError."""
    if state["data"] != data:
        raise UsageError(f"{path}: the data have changed since it was written; give the same, or start a new run")


def unfit(path: Path, error: Exception) -> UsageError:
    """The refusal of a checkpoint whose parts do not fit what is to be trained."""
    return UsageError(f"{path}: does not fit this run: {_one_line(error)}; nothing was changed")


def generator_states(device: Device) -> dict[str, Tensor]:
    """Where the default generators of the CPU and of `device` stand."""
    return {str(place): default_generator(place).get_state() for place in dict.fromkeys((Device.of("cpu"), device))}


def set_generators(states: dict[str, Tensor]) -> None:
    """Set the default generators to where `generator_states` was called."""
    for place, state in states.items():
        default_generator(place).set_state(state)


def fingerprint(*parts: np.ndarray | Sequence[str]) -> str:
    """A sum over arrays and texts, by which a training knows its data again."""
    total = 0
    for part in parts:
        array = np.ascontiguousarray(part) if isinstance(part, np.ndarray) else None
        text = f"{array.dtype.str}{array.shape}" if array is not None else "\0".join(part)
        total = zlib.crc32(text.encode(), total)
        if array is not None:
            total = zlib.crc32(array.reshape(-1).view(np.uint8).data, total)
    return f"crc32 {total:08x}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__

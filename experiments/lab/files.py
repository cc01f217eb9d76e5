"""JSON as the run folder keeps it."""

import json
import math
from pathlib import Path
from typing import Any

from .usage import UsageError


def json_text(value: Any, *, indent: int | None = None) -> str:
    """`value` as strict JSON: a nan or an inf, for which JSON has no word, becomes the text ``"nan"`` or ``"inf"``."""
    return json.dumps(_strict(value), indent=indent, ensure_ascii=False, allow_nan=False)


def read_json(path: Path) -> Any:
    """What a JSON file holds. Raises UsageError, naming the file and the line, where it cannot be read or is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is damaged: it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}, line {error.lineno}: is damaged: {error.msg}") from None


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _strict(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(part) for part in value]
    if isinstance(value, Path):
        return str(value)
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value

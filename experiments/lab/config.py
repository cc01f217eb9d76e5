"""An experiment's settings: a frozen dataclass whose fields carry their own documentation.

    @dataclass(frozen=True, kw_only=True)
    class Config(lab.Config):
        T: int = option(100, "time steps", quick=30, low=2)

From the fields come the help text, the ``--quick`` values, the parsing of ``--set T=50`` and the range checks.
"""

import math
import tomllib
import types
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from .files import read_json
from .usage import UsageError, suggestion

C = TypeVar("C", bound="Config")
Settings = dict[str, str]

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def option(default: Any, help: str, *, quick: Any = MISSING, low: float | None = None) -> Any:
    """One documented setting: its `default`, its value under ``--quick`` and the least value it may take."""
    return field(default=default, metadata={"help": help, "quick": quick, "low": low})


@dataclass(frozen=True, kw_only=True)
class Config:
    """What every experiment can be told. Raises UsageError for a value out of range."""

    seed: int = option(0, "seed of everything random: same command and seed, same numbers", low=0)

    def __post_init__(self) -> None:
        for setting in fields(self):
            _check(setting, getattr(self, setting.name))

    @classmethod
    def build(cls, settings: Settings, *, quick: bool = False) -> Self:
        """The config for ``--set key=value ...``; ``--quick`` replaces defaults, never what was set."""
        kinds = get_type_hints(cls)
        values = {f.name: f.metadata["quick"] for f in fields(cls) if f.metadata["quick"] is not MISSING and quick}
        for key, text in settings.items():
            if key not in kinds:
                raise UsageError(f"no setting {key!r}{suggestion(key, kinds)}")
            try:
                values[key] = _parse(text, kinds[key])
            except ValueError:
                raise UsageError(f"{key}={text}: expected {describe(kinds[key])}") from None
        return cls(**values)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The config that a run folder's ``config.json`` holds. Raises UsageError for a file that holds none."""
        contents = read_json(path)
        if not isinstance(contents, dict):
            raise UsageError(f"{path}: holds no settings; it is not the config.json of a run")
        try:
            return cls.build({key: show(value) for key, value in contents.items() if value is not None})
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from None

    @classmethod
    def document(cls) -> list[tuple[str, str, str]]:
        """(``key=default``, kind, help) for each setting, for the help text."""
        kinds = get_type_hints(cls)
        return [(f"{f.name}={show(f.default)}", describe(kinds[f.name]), f.metadata["help"]) for f in fields(cls)]


def read_toml(path: Path, kind: type[Config]) -> Settings:
    """The settings that a TOML file holds, ``lr = 0.01`` on a line each, as ``--set`` reads them.

    Raises UsageError, naming the file and the line, where it cannot be read or one of them is no setting of `kind`.
    """
    try:
        text = path.read_text(encoding="utf-8")
        contents = tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"--config {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"--config {path}: not UTF-8 at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"--config {path}: {error}") from None
    settings: Settings = {}
    for key, value in contents.items():
        settings[key] = "" if isinstance(value, dict) else show(value)
        try:
            if isinstance(value, dict):
                raise UsageError(f"{key} is a table; settings stand on lines of their own, above any [table]")
            kind.build({key: settings[key]})
        except UsageError as error:
            line = next((n for n, words in enumerate(text.split("\n"), 1) if words.strip(" [\"'").startswith(key)), 1)
            raise UsageError(f"--config {path}, line {line}: {error}") from None
    return settings


def show(value: Any) -> str:
    """A setting's value as ``--set`` reads it."""
    if isinstance(value, tuple | list):
        return ",".join(show(part) for part in value)
    return "(none)" if value is None else str(value)


def describe(kind: Any) -> str:
    """The kind of value a setting takes, in words."""
    if get_origin(kind) is tuple:
        return f"{describe(get_args(kind)[0]).removeprefix('a ')}s separated by commas"
    if get_origin(kind) is Literal:
        return " or ".join(get_args(kind))
    if _is_union(kind):
        return describe(get_args(kind)[0])
    return {int: "a whole number", float: "a number", bool: "true or false", Path: "a file"}.get(kind, "text")


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


def _parse(text: str, kind: Any) -> Any:
    """`text` as a value of `kind`. Raises ValueError when it is none."""
    if get_origin(kind) is tuple:
        return tuple(_parse(part.strip(), get_args(kind)[0]) for part in text.split(","))
    if get_origin(kind) is Literal:
        return get_args(kind)[get_args(kind).index(text)]
    if _is_union(kind):
        return _parse(text, get_args(kind)[0])
    if kind is bool:
        if text.lower() not in _WORDS:
            raise ValueError(text)
        return _WORDS[text.lower()]
    return kind(text)


def _check(setting: Field[Any], value: Any) -> None:
    low = setting.metadata["low"]
    for part in value if isinstance(value, tuple) else (value,):
        if isinstance(part, float) and not math.isfinite(part):
            raise UsageError(f"{setting.name}={show(value)}: must be finite")
        if low is not None and part < low:
            raise UsageError(f"{setting.name}={show(value)}: must be at least {low}")

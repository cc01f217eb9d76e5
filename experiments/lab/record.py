"""What an experiment is handed to speak through while it runs: a log of metrics, a progress bar, a place to save."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

import minigrad
from minigrad.utils.files import write_atomically

from .files import json_text

Item = TypeVar("Item")
_SECONDS_BETWEEN_WRITES = 5.0


class Record:
    """Collects metrics, one JSON object a line, and writes them to `path` every few seconds and at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: list[str] = []
        self._written_at = time.monotonic()
        self._bar: tqdm[Any] | None = None

    def metric(self, **values: Any) -> None:
        """Log one line, such as ``metric(update=3, loss=2.1)``."""
        self._lines.append(json_text(values))
        if time.monotonic() - self._written_at > _SECONDS_BETWEEN_WRITES:
            self.write()

    def write(self) -> None:
        """Write every line logged so far."""
        write_atomically(self.path, "".join(line + "\n" for line in self._lines))
        self._written_at = time.monotonic()

    def progress(self, items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
        """`items`, with a progress bar on a terminal once they have taken more than a second."""
        with tqdm(items, desc=what, total=total, delay=1.0, disable=None, leave=False) as self._bar:
            yield from self._bar

    def live(self, text: str) -> None:
        """Show `text` beside the progress bar, such as the losses of the last epoch."""
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)

    def save(self, name: str, value: Any) -> None:
        """Save `value` beside the metrics: as JSON when `name` ends in ``.json``, else by `minigrad.save`."""
        path = self.path.with_name(name)
        if path.suffix == ".json":
            write_atomically(path, json_text(value, indent=1) + "\n")
        else:
            minigrad.save(value, path)

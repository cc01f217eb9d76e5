"""What an experiment is handed to speak through while it runs: a log of metrics, a progress bar, a place to save."""

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

import minigrad
from minigrad.utils.files import write_atomically

from .files import json_text
from .usage import UsageError

Item = TypeVar("Item")
_SECONDS_BETWEEN_WRITES = 5.0
_SECONDS_BETWEEN_SIGHTS = 0.5


class Lines:
    """A file of JSON objects, one a line, that a resumed run goes on with where its checkpoint stood.

    Until a resumed run has come as far as the run before it, the file stays as it is: it is longer, and begins alike.
    """

    def __init__(self, path: Path, *, resumed: bool = False) -> None:
        self.path = path
        self._lines: list[str] = []
        earlier = path.read_bytes().decode("utf-8", errors="replace") if resumed and path.is_file() else ""
        self._earlier = earlier.split("\n")[:-1]

    def __len__(self) -> int:
        return len(self._lines)

    def append(self, values: dict[str, Any]) -> None:
        """Add one line."""
        self._lines.append(json_text(values))

    def rewind(self, count: int) -> None:
        """Go on after the first `count` lines of the run before. Raises UsageError where they are not there."""
        kept = self._earlier[:count]
        try:
            good = len(kept) == count and all(isinstance(json.loads(line), dict) for line in kept)
        except json.JSONDecodeError:
            good = False
        if not good:
            raise UsageError(f"{self.path}: is damaged: the checkpoint beside it was written after {count} lines")
        self._lines = kept

    def write(self, *, last: bool = False) -> None:
        """Write every line so far; with `last`, and no others."""
        if last or len(self._lines) >= len(self._earlier):
            write_atomically(self.path, "".join(line + "\n" for line in self._lines))


class Record:
    """Collects metrics, one JSON object a line, and writes them to `path` every few seconds and at the end.

    Args:
        path: the file of the metrics; what is saved is put beside it.
        experiment: the experiment's name, for checkpoints.
        config: its settings as JSON, for checkpoints.
        resumed: whether a run is gone on with whose files are there.
    """

    def __init__(self, path: Path, *, experiment: str = "", config: str = "", resumed: bool = False) -> None:
        self.path, self.experiment, self.config, self.resumed = path, experiment, config, resumed
        self.metrics = Lines(path, resumed=resumed)
        self.timing = Lines(path.with_name("timing.jsonl"), resumed=resumed)
        self._written_at = self._seen_at = time.monotonic()
        self._bar: tqdm[Any] | None = None

    def metric(self, **values: Any) -> None:
        """Log one line, such as ``metric(update=3, loss=2.1)``; what the same seed does not repeat goes into `timing`."""
        self.metrics.append(values)
        if time.monotonic() - self._written_at > _SECONDS_BETWEEN_WRITES:
            self.write()

    def write(self, *, last: bool = False) -> None:
        """Write every line logged so far; `last` when there are no more to come."""
        self.metrics.write(last=last)
        if len(self.timing):
            self.timing.write(last=last)
        self._written_at = time.monotonic()

    def position(self) -> dict[str, int]:
        """How many lines have been logged."""
        return {"metrics": len(self.metrics), "timing": len(self.timing)}

    def rewind(self, position: dict[str, int]) -> None:
        """Go on from a `position` of the run that is resumed. Raises UsageError where its files are shorter."""
        self.metrics.rewind(position["metrics"])
        self.timing.rewind(position["timing"])

    def progress(self, items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
        """`items`, with a progress bar on a terminal once they have taken more than a second."""
        with tqdm(items, desc=what, total=total, delay=1.0, disable=None, leave=False) as self._bar:
            yield from self._bar

    def live(self, text: str) -> None:
        """Show `text` beside the progress bar, such as the losses of the last epoch."""
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)

    def glimpse(self, text: str) -> None:
        """Show `text` beside the progress bar at once, unless something was shown just before."""
        if self._bar is not None and time.monotonic() - self._seen_at > _SECONDS_BETWEEN_SIGHTS:
            self._bar.set_postfix_str(text)
            self._seen_at = time.monotonic()

    def save(self, name: str, value: Any) -> None:
        """Save `value` beside the metrics: as JSON when `name` ends in ``.json``, else by `minigrad.save`."""
        path = self.path.with_name(name)
        if path.suffix == ".json":
            write_atomically(path, json_text(value, indent=1) + "\n")
        else:
            minigrad.save(value, path)

"""Writing a file so that a reader finds either the whole of it or none of it."""

import os
from pathlib import Path


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write `content` to a temporary file beside `path`, flush it to the disk, then rename it.

    Whatever happens on the way, a crash, a power cut, a full disk: `path` is the old file or the new one, never half of it.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        _flush(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Wait until the file's content is on the disk: a rename may get there before it."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())

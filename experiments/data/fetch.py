"""Fetching the real data sets: from pinned addresses, verified by their SHA-256, kept in the user's cache."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path
from typing import Any

from tqdm import tqdm

from minigrad.utils.files import write_atomically

from ..lab import UsageError
from .sources import Source

TIMEOUT = 30.0  # seconds that the server may be silent


def cache_folder() -> Path:
    """Where fetched files are kept: the folder that MINIGRAD_DATA names, else the system's cache folder for the user."""
    named = os.environ.get("MINIGRAD_DATA")
    return Path(named).expanduser() if named else Path(_pooch().os_cache("minigrad"))


def fetch(name: str, source: Source, to: Path, cache: Path | None = None, *, timeout: float = TIMEOUT) -> list[Path]:
    """Put the files of a data set into the folder `to`, and return where they are.

    What the cache has is not downloaded again. A file is in the cache, and in `to`, only whole and verified; nothing is
    written to `to` before all files are there, and nothing in it is written over.

    Args:
        name: of the data set; its folder in the cache.
        source: which files, and where from.
        to: the folder, made where it is missing.
        cache: the cache's folder; `cache_folder()` if None.
        timeout: the seconds that the server may be silent.

    Raises:
        UsageError: the library pooch is not installed, a download fails or is not the pinned file, `to` has another file of
            that name, or a folder cannot be written; one line, which names the address or the file.
    """
    targets = {file: to / file for file in source.files}
    for file, target in targets.items():
        if target.exists() and not _verified(target, source.files[file]):
            raise UsageError(f"{target}: is there already and is not the pinned file; move it away, or choose another --to")
    folder = (cache_folder() if cache is None else cache) / name
    cached = {file: _download(source, file, folder, timeout) for file in targets if not targets[file].exists()}
    for file, path in cached.items():
        try:
            to.mkdir(parents=True, exist_ok=True)
            write_atomically(targets[file], path.read_bytes())
        except OSError as error:
            raise UsageError(f"{targets[file]}: {error.strerror}; choose another --to") from None
    return list(targets.values())


def _download(source: Source, file: str, folder: Path, timeout: float) -> Path:
    """The file in the cache, downloaded unless it is there; pooch writes to a temporary file, verifies and renames."""
    pooch, address = _pooch(), source.address(file)
    import requests  # pooch's own dependency

    try:
        with tqdm(total=1, desc=file, unit="B", unit_scale=True, disable=None, leave=False) as bar:  # pooch knows the total
            downloader = pooch.HTTPDownloader(progressbar=bar, timeout=timeout)
            found = pooch.retrieve(address, f"sha256:{source.files[file]}", file, folder, downloader=downloader)
        return Path(found)
    except requests.HTTPError as error:
        raise UsageError(f"{address}: the server says {error.response.status_code} {error.response.reason}") from None
    except requests.RequestException as error:
        raise UsageError(f"{address}: no connection, or it broke off ({_short(error)}); try again") from None
    except ValueError:
        raise UsageError(f"{address}: what came is not the pinned file, its SHA-256 differs; nothing was kept") from None
    except OSError as error:
        raise UsageError(f"{folder / file}: {error.strerror}; the cache cannot be written") from None


def _verified(path: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return False


def _short(error: Exception) -> str:
    """The innermost reason of a failed request: the errors around it repeat it at length."""
    reason: BaseException = error
    while reason.args and isinstance(inner := getattr(reason.args[0], "reason", reason.args[0]), BaseException):
        reason = inner
    text = " ".join(str(reason.args[0] if reason.args else reason).split())
    return text if len(text) <= 100 else type(reason).__name__


def _pooch() -> Any:
    try:
        import pooch
    except ImportError:
        raise UsageError('data fetch needs the library pooch: python -m pip install "minigrad[data]"') from None
    pooch.get_logger().setLevel(logging.WARNING)  # the bar shows what is being downloaded
    return pooch

"""Runs of the command line that stop in the middle, by a disk that is full, and go on."""

import errno

import pytest

from experiments.__main__ import main
from experiments.lab import checkpoint

from ..small_runs import contents


def stop_at(count, arguments):
    """Run until the checkpoint of this number is to be written."""
    save, left = checkpoint.write, iter(range(count - 1, -1, -1))

    def full(path, state):
        if next(left) == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        save(path, state)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "write", full)
        assert main(arguments) == 2


def stop_and_resume(start, tmp_path):
    """Stop `start(folder)` at its third and its last checkpoint; resumed, it ends with the bytes of one that was not."""
    assert main(start(tmp_path / "whole")) == 0
    for count in (3, 5):
        folder = tmp_path / str(count)
        stop_at(count, start(folder))
        assert not (folder / "claims.json").exists()
        arguments = start(folder)
        assert main([*arguments[: arguments.index("--out")], "--resume", str(folder)]) == 0
        assert contents(folder) == contents(tmp_path / "whole"), f"stopped at checkpoint {count}"

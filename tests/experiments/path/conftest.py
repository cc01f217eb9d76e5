"""Where the answers come from: answers_*.py here, or the file that ANSWERS names."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent


class Answers:
    """Functions by name; asking for one that is missing skips the test: it is not answered yet."""

    def __init__(self, *files: Path) -> None:
        self.files = files
        self.found = {name: value for file in files for name, value in runpy.run_path(str(file)).items() if callable(value)}

    def __getattr__(self, name: str):
        if name not in self.found:
            pytest.skip(f"{name} is not in {', '.join(file.name for file in self.files)}")
        return self.found[name]


@pytest.fixture(scope="session")
def answers() -> Answers:
    """The answers to be checked."""
    mine = os.environ.get("ANSWERS")
    return Answers(Path(mine)) if mine else Answers(HERE / "answers_plain.py", HERE / "answers_gated.py")


@pytest.fixture
def rng() -> np.random.Generator:
    """Numbers that are the same each time."""
    return np.random.default_rng(0)

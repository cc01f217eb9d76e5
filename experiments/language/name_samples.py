"""The names that a trained generator says at several temperatures, for its run folder and its picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minigrad.random import Generator

from ..lab import Arrays
from ..lab.sampling import SampleRequest
from .name_generator import NameGenerator

TEMPERATURES = (0.5, 0.8, 1.0, 1.5)
AT_LEAST = 216  # names at each temperature: 12 of each of 18 nationalities


def said_by(speaker: NameGenerator, seed: int, known: Sequence[str]) -> Arrays:
    """Names at each temperature, ``samples`` (τ, K, n), K nationalities or 1, and which of them are among those `known`."""
    count = -(-AT_LEAST // len(speaker.kinds))
    generator = Generator(speaker.model.decoder.output.weight.device).manual_seed(seed)
    requests = [SampleRequest(temperature=temperature) for temperature in TEMPERATURES]
    said = np.array([[speaker.say(count, kind, request, generator) for kind in speaker.kinds] for request in requests])
    return {"temperatures": np.array(TEMPERATURES), "samples": said, "samples_known": np.isin(said, np.array(known))}

"""CUDA kernels (.cu) of the engine. minigrad/arrays/cuda_source.py compiles them; common.cuh says how they are written."""

from pathlib import Path

FOLDER = Path(__file__).parent
"""Where common.cuh lies."""

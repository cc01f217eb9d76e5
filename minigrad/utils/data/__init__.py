"""Data sets and batches, by the names of torch.utils.data: datasets.py, then samplers.py, collate.py, loader.py.

The order in which a random sampler draws follows minigrad's own stream (random.py), not PyTorch's.
"""

from typing import Any

from ...names import missing_attribute
from .collate import default_collate, default_convert
from .datasets import ConcatDataset, Dataset, Subset, TensorDataset, random_split
from .loader import DataLoader
from .samplers import BatchSampler, RandomSampler, Sampler, SequentialSampler, SubsetRandomSampler

__all__ = [
    "BatchSampler", "ConcatDataset", "DataLoader", "Dataset", "RandomSampler", "Sampler", "SequentialSampler", "Subset",
    "SubsetRandomSampler", "TensorDataset", "default_collate", "default_convert", "random_split",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    raise missing_attribute("minigrad.utils.data", name, __all__)

"""What programs use around training, by PyTorch's names: data.py (torch.utils.data)."""

from . import data

__all__ = ["data"]

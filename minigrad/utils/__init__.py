"""What programs use around training, by PyTorch's names: checkpoint.py, data (torch.utils.data); files.py."""

from . import checkpoint, data

__all__ = ["checkpoint", "data"]

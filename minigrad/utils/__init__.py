"""What programs use around training, by PyTorch's names: checkpoint.py, data.py (torch.utils.data)."""

from . import checkpoint, data

__all__ = ["checkpoint", "data"]

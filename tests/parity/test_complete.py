"""Nothing public is forgotten: every name, methods included, is PyTorch's and stands in a test."""

import importlib
import pkgutil
import re
from pathlib import Path

import minigrad.functional
import minigrad.functions
from minigrad.tensor import Tensor

from .beside import torch

ISSUE_LIST = """
tensor as_tensor from_numpy zeros ones full empty zeros_like ones_like full_like empty_like eye arange linspace rand randn
randint randperm normal bernoulli multinomial add sub mul div neg pow exp log sqrt tanh sigmoid relu sin cos abs square clamp
maximum minimum where eq ne lt le gt ge sum mean var max min amax amin logsumexp reshape view transpose permute squeeze
unsqueeze expand broadcast_to flatten cat stack split chunk unbind gather scatter_add index_select masked_fill embedding
matmul einsum outer softmax log_softmax cross_entropy nll_loss mse_loss linear dropout
"""

OWN = {"alias", "array", "linked", "refresh", "source", "wrap"}
"""Members of Tensor that are minigrad's, not PyTorch's."""


def public_names() -> set[str]:
    folder = minigrad.functions.__path__
    modules = [importlib.import_module(f"minigrad.functions.{m.name}") for m in pkgutil.iter_modules(folder)]
    functions = {name for module in modules for name in getattr(module, "__all__", [])}
    return functions | {*minigrad.functional.__all__} | {name for name in dir(Tensor) if not name.startswith("_")}


def test_everything_public_is_tested():
    """Each function, method and property is named in a test beside PyTorch or of the engine."""
    files = [path for path in Path(__file__).parent.parent.rglob("*.py") if path != Path(__file__)]
    texts = [path.read_text(encoding="utf-8") for path in files]
    mentioned = {word for text in texts for word in re.findall(r"[A-Za-z_]\w*", text)}
    walked = {name for name in dir(Tensor) if name.endswith("_")}  # by tests/minigrad/test_inplace.py
    missing = public_names() - OWN - walked - mentioned
    assert not missing, f"no test names {sorted(missing)}"


def test_the_ops_of_the_list_are_there():
    assert not {*ISSUE_LIST.split()} - public_names()


def test_what_is_public_has_pytorchs_name():
    for name in public_names() - OWN:
        assert hasattr(torch, name) or hasattr(torch.Tensor, name) or hasattr(torch.nn.functional, name), name

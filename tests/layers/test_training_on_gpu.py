"""A whole training step on CuPy's stand-in: it computes what NumPy does, waits for nothing, and its checkpoints travel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import layers as nn
import minigrad as torch
from minigrad import optim
from minigrad.arrays import transfers

from ..standin.install import missing, standin
from ..standin.streams import waits

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

V, E, H, T, B = 11, 4, 6, 5, 3
RNG = np.random.default_rng(0)
BATCHES = [(RNG.integers(0, V, (T, B)), RNG.integers(0, V, T * B)) for _ in range(4)]


class Model(nn.Module):
    """A language model: embedding, LSTM, dropout, projection."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = nn.Embedding(V, E)
        self.lstm = nn.LSTM(E, H)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(H, V)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        y, _ = self.lstm(self.embedding(ids))
        return self.out(self.dropout(y)).reshape(-1, V)


def update(model: nn.Module, optimiser: optim.Optimizer, ids: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """One step of a training; the loss, not read."""
    optimiser.zero_grad()
    loss = nn.functional.cross_entropy(model(ids), targets)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    return loss.detach()


def batches(device: str) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for ids, targets in BATCHES:
        yield torch.tensor(ids).to(device), torch.tensor(targets).to(device)


def fresh(kind: str, device: str, dropout: float = 0.0) -> tuple[Model, optim.Optimizer]:
    torch.manual_seed(3)
    model = Model(dropout).to(device)
    parameters = model.parameters()
    if kind == "sgd":
        return model, optim.SGD(parameters, lr=0.1, momentum=0.9)
    return model, {"adam": optim.Adam, "adamw": optim.AdamW}[kind](parameters, lr=0.01)


def weights(model: nn.Module) -> dict[str, np.ndarray]:
    return {name: p.detach().cpu().numpy().copy() for name, p in model.named_parameters()}


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd"])
def test_it_learns_what_numpy_learns(kind):
    model, optimiser = fresh(kind, "cpu")
    expected = [float(update(model, optimiser, *batch)) for batch in batches("cpu")], weights(model)
    with standin():
        model, optimiser = fresh(kind, "cuda")
        obtained = [float(update(model, optimiser, *batch)) for batch in batches("cuda")], weights(model)
    np.testing.assert_allclose(obtained[0], expected[0], rtol=1e-5)
    for name, value in expected[1].items():
        np.testing.assert_allclose(obtained[1][name], value, rtol=1e-3, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd"])
def test_nothing_is_copied_or_waited_for_between_logged_losses(kind):
    """Pitfall 12."""
    with standin():
        model, optimiser = fresh(kind, "cuda", dropout=0.5)
        data = list(batches("cuda"))
        update(model, optimiser, *data[0])  # kernels are compiled, the optimiser's state is made
        before = transfers.count
        with waits() as places:
            total = sum(update(model, optimiser, *batch) for batch in data[1:])
        assert places == []
        assert transfers.count == before
        assert float(total) > 0
        assert transfers.count == before + 1


@pytest.mark.parametrize(("here", "there"), [("cuda", "cpu"), ("cpu", "cuda")])
def test_a_checkpoint_goes_on_elsewhere(here, there, tmp_path):
    """Written after two updates on one device, it goes on on the other: the third update agrees to float32's rounding."""
    path, data = tmp_path / "checkpoint.pt", BATCHES
    with standin():
        model, optimiser = fresh("adam", here)
        for ids, targets in data[:2]:
            update(model, optimiser, torch.tensor(ids).to(here), torch.tensor(targets).to(here))
        torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict()}, path)
        found = torch.load(path, map_location=there)
        assert {str(v.device).split(":")[0] for v in found["model"].values()} == {there}
        other, elsewhere = fresh("adam", there)
        other.load_state_dict(found["model"])
        elsewhere.load_state_dict(found["optimiser"])
        losses = []
        for device, a, b in ((here, model, optimiser), (there, other, elsewhere)):
            ids, targets = (torch.tensor(v).to(device) for v in data[2])
            losses.append(float(update(a, b, ids, targets)))
        np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)
        for (name, a), b in zip(weights(model).items(), weights(other).values()):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7, err_msg=name)

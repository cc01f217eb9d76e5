"""The map of all losses by all steps, against one backward pass for each loss."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import layers as nn
import minigrad as mg
from layers import bptt
from layers.utils.rnn import pack_sequence, pad_packed_sequence

from .reference import Setting, settings
from .test_calls import Pair

flow_file = importlib.import_module("layers.bptt.flow")  # the package's attribute of this name is the function

CLOSE: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-13}


def losses_of(setting: Setting) -> Any:
    def losses(y: Any) -> list[Any]:
        if setting.packed:
            y = pad_packed_sequence(y)[0]
        elif setting.batch_first:
            y = y.transpose(0, 1)
        return [(row * row).sum() + y[0].sum() for row in y]

    return losses


@given(settings(), st.data())
def test_one_pass_for_all_losses_is_one_for_each(setting: Setting, data: Any) -> None:
    module = setting.module()
    side = data.draw(st.sampled_from(["forward", "reverse"][: 1 + setting.bidirectional]))
    at = (data.draw(st.integers(0, setting.layers - 1)), side)
    state = data.draw(st.sampled_from("hc" if setting.kind == "LSTM" else "h"))
    if "recurrent_dropout" in setting.option:
        module.eval()  # every call drops anew
    expected = []
    with bptt.trace(module) as trace:
        L = losses_of(setting)(module(setting.input())[0])
        for loss in L:
            trace.forget_gradients()
            loss.backward(retain_graph=True)
            expected.append(getattr(trace[at], "d" + state).square().sum(-1).sqrt().numpy())
    found = bptt.flow(module, setting.input(), losses_of(setting), at=at, state=state, per_sequence=True)
    np.testing.assert_allclose(found.numpy(), expected, **CLOSE)
    together = bptt.flow(module, setting.input(), losses_of(setting), at=at, state=state)
    np.testing.assert_allclose(together.numpy(), np.sqrt(np.square(expected).sum(-1)), **CLOSE)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    module, x = nn.LSTM(3, 4, dtype=mg.float64), mg.randn(7, 2, 3, dtype=mg.float64)
    whole = bptt.flow(module, x, lambda y: y.sum((1, 2)))
    monkeypatch.setattr(flow_file, "MEMORY", 3000)
    assert len(flow_file._chunks(_steps(module, x), 7)) > 2
    np.testing.assert_array_equal(bptt.flow(module, x, lambda y: y.sum((1, 2))).numpy(), whole.numpy())
    assert not np.triu(whole.numpy(), 1).any()


def _steps(module: Any, x: Any) -> Any:
    with bptt.trace(module) as trace:
        module(x)
    return trace[0]


@pytest.mark.parametrize("at", ["encoder", "decoder"])
def test_decoder_steps_by_encoder_steps(at: str) -> None:
    model, x = Pair(), mg.randn(5, 2, 3, dtype=mg.float64)

    def losses(outputs: Any) -> Any:
        return outputs.square().sum((1, 2))

    expected = []
    with bptt.trace(model) as trace:
        for loss in losses(model(x, 4)):
            trace.forget_gradients()
            loss.backward(retain_graph=True)
            expected.append(trace[at][0].norms().values.numpy())
    found = bptt.flow(model, (x, 4), losses, at=at)
    assert tuple(found.shape) == (4, 5 if at == "encoder" else 4)
    np.testing.assert_allclose(found.numpy(), expected, **CLOSE)


class Chunked(nn.Module):
    """A fused layer called several times, each from where the last call ended; the states between are used elsewhere too."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.rnn = nn.GRU(3, 4, layers, dtype=mg.float64)

    def forward(self, x: Any) -> Any:
        state, outputs = None, []
        for part in x.split(2):
            y, state = self.rnn(part, state)
            outputs += [y.sum(-1), state.sum(0).sum(-1).unsqueeze(0)]
        return mg.cat(outputs)


@pytest.mark.parametrize("layers", [1, 2])
def test_calls_that_go_on(layers: int) -> None:
    model, x = Chunked(layers), mg.randn(6, 2, 3, dtype=mg.float64)
    expected = []
    with bptt.trace(model) as trace:
        for loss in model(x).square().sum(1):
            trace.forget_gradients()
            loss.backward(retain_graph=True)
            expected.append(trace[layers - 1].norms().values.numpy())
    found = bptt.flow(model, x, lambda out: out.square().sum(1), at=layers - 1)
    np.testing.assert_allclose(found.numpy(), expected, **CLOSE)


def test_logarithms_go_below_float32() -> None:
    module = nn.RNN(2, 3)
    wide = nn.RNN(2, 3, dtype=mg.float64)
    with mg.no_grad():
        module.weight_hh_l0.mul_(0.05)
        wide.load_state_dict({name: w.double() for name, w in module.state_dict().items()})
    x = mg.randn(60, 1, 2)
    exact = bptt.flow(wide, x.double(), lambda y: y.sum((1, 2)), log=True).numpy()
    found = bptt.flow(module, x, lambda y: y.sum((1, 2)), log=True).numpy()
    lower = np.tril(np.ones((60, 60), bool))
    assert exact[lower].min() < -150  # float32 ends at −103
    np.testing.assert_allclose(found[lower], exact[lower], atol=1e-3)
    assert np.isneginf(found[~lower]).all()


def test_mistakes_are_told() -> None:
    module, x = nn.RNN(3, 4), mg.randn(5, 2, 3)
    with pytest.raises(ValueError, match=r"N scalars.*got \(\)"):
        bptt.flow(module, x, lambda y: y.sum())
    with pytest.raises(ValueError, match="requires no gradient"):
        bptt.flow(module, x, lambda y: y.detach().sum((1, 2)))
    packed = pack_sequence([mg.randn(2, 3)])
    assert tuple(bptt.flow(module, packed, lambda y: y.data.sum(1)).shape) == (2, 2)

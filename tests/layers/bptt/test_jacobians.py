"""The closed-form derivatives of a step against finite differences and against autograd, both through `module.step`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given

import minigrad as mg
from layers import bptt
from minigrad.autograd.functional import jacobian

from .reference import Setting, batch_loss, mask_of, places, settings
from .test_trace import through_h


def before(s: Any, t: int, b: int) -> list[Any]:
    """Return the states before step t of sequence b, (1, ·) each."""
    return [state[t, b : b + 1] for state in s.linear.before]


def joint_step(module: Any, x: Any, layer: int, reverse: bool, mask: Any) -> Any:
    """Return [h; c] ↦ [h'; c'] as a function of one vector."""
    sizes = list(module.state_sizes())

    def function(state: Any) -> Any:
        parts = state.split(sizes)
        return mg.cat([after[0] for after in module.step(x, tuple(p.unsqueeze(0) for p in parts), layer, reverse, mask)])

    return function


@given(settings())
def test_step_jacobians(setting: Setting) -> None:
    module = setting.module()
    with bptt.trace(module) as trace:
        module(setting.input())
    rng = np.random.default_rng(setting.seed)
    for key, (layer, reverse) in places(setting):
        s = trace[key]
        b = int(rng.integers(len(setting.lengths)))
        t = int(rng.integers(setting.lengths[b]))
        J = s.jacobians()[t, b].numpy()
        np.testing.assert_array_equal(J, s.jacobians(t)[b].numpy())
        x, state = s.x[t, b : b + 1], mg.cat([part[0] for part in before(s, t, b)])
        function = joint_step(module, x, layer, reverse, mask_of(s, b))
        np.testing.assert_allclose(J, jacobian(function, state).numpy(), rtol=1e-11, atol=1e-13)
        with mg.no_grad():
            kink = setting.option.get("nonlinearity") == "relu" and near_kink(module, x, state, layer, reverse)
            if not kink:
                np.testing.assert_allclose(J, differences(function, state.numpy()), rtol=1e-6, atol=1e-8)


def near_kink(module: Any, x: Any, h: Any, layer: int, reverse: bool) -> bool:
    w = module.weights(layer, reverse)
    a = x[0] @ w["weight_ih"].T + h @ w["weight_hh"].T + w.get("bias_ih", 0) + w.get("bias_hh", 0)
    return bool((a.abs() < 1e-4).any())


def differences(function: Any, state: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Return central differences, column by column."""
    columns = []
    for k in range(state.size):
        e = np.zeros_like(state)
        e[k] = step
        up, down = (function(mg.tensor(state + sign * e)).numpy() for sign in (1, -1))
        columns.append((up - down) / (2 * step))
    return np.stack(columns, 1)


@given(settings())
def test_paths_are_the_transposed_jacobian(setting: Setting) -> None:
    """What comes back through step t is J_tᵀ times what left it: for the LSTM, dc_t less what came through h_t."""
    module = setting.module()
    with bptt.trace(module) as trace:
        batch_loss(setting, module(setting.input())).backward()
    for key, _ in places(setting):
        s = trace[key]
        leaving = [s.dh]
        if setting.kind == "LSTM":
            leaving.append(s.dc - mg.tensor(through_h(s)))
        v = mg.cat(leaving, -1).unsqueeze(-2)
        expected = (v @ s.jacobians())[..., 0, :].numpy()
        found = [sum(part.numpy() for part in parts.values()) for parts in s.paths().values()]
        np.testing.assert_allclose(np.concatenate(found, -1), expected, rtol=1e-10, atol=1e-12)


def test_a_slice_of_steps() -> None:
    import layers as nn

    module = nn.GRU(3, 4)
    with bptt.trace(module) as trace:
        module(mg.randn(6, 2, 3))
    assert tuple(trace[0].jacobians(slice(2, 5)).shape) == (3, 2, 4, 4)

"""The public gradcheck and gradgradcheck: what they accept, what they find, what they say."""

import numpy as np
import pytest

import minigrad as torch
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.autograd.gradcheck import GradcheckError, KinkError

MODES = pytest.mark.parametrize("fast_mode", [False, True])


def leaf(*shape, seed=0, dtype=torch.float64):
    return torch.tensor(np.random.default_rng(seed).uniform(-1, 1, shape), dtype=dtype, requires_grad=True)


def off_by(x, fraction):
    """tanh with a gradient that is too large by a fraction of 1."""
    return torch.tanh(x) + fraction * (x - x.detach())


@MODES
def test_right_gradients_pass(fast_mode):
    x, w = leaf(2, 3), leaf(3, 4, seed=1)
    assert gradcheck(lambda x, w: torch.tanh(x @ w), (x, w), rtol=1e-6, atol=1e-8, fast_mode=fast_mode)
    assert gradgradcheck(lambda x, w: torch.tanh(x @ w), (x, w), rtol=1e-6, atol=1e-7, fast_mode=fast_mode)


@MODES
def test_wrong_gradients_name_the_worst_element(fast_mode):
    x = leaf(2, 3)
    mask = torch.zeros(2, 3, dtype=torch.float64)
    mask[1, 2] = 1.0
    with pytest.raises(GradcheckError, match=r"(?s)input 0.*input element \[1, 2\].*numerical: .*analytical: "):
        gradcheck(lambda x: off_by(x, 0.5 * mask), x, fast_mode=fast_mode)
    assert not gradcheck(lambda x: off_by(x, 0.5), x, raise_exception=False, fast_mode=fast_mode)


@MODES
def test_a_finer_error_needs_a_finer_tolerance(fast_mode):
    """0.1 % passes PyTorch's default rtol of 1e-3, as it does there; it does not pass 1e-6."""
    x = leaf(2, 3)
    wrong = lambda x: torch.tanh(x) + 1e-4 * (x - x.detach())
    assert gradcheck(wrong, x, atol=1e-3, fast_mode=fast_mode)
    with pytest.raises(GradcheckError):
        gradcheck(wrong, x, rtol=1e-6, atol=1e-8, fast_mode=fast_mode)


@MODES
def test_second_derivatives_that_are_cut_off(fast_mode):
    def cube(x):
        return x * (x * x).detach() + 2 * ((x - x.detach()) * (x * x).detach())

    x = leaf(3)
    assert gradgradcheck(lambda x: x**3, x, fast_mode=fast_mode)
    with pytest.raises(GradcheckError, match="mismatch"):
        gradgradcheck(cube, x, fast_mode=fast_mode)


@MODES
def test_kinks_are_called_kinks(fast_mode):
    """Pitfall 21: at a kink there is no slope to compare with; that is not a wrong gradient."""
    x = torch.tensor([0.5, 0.0, -0.5], dtype=torch.float64, requires_grad=True)
    with pytest.raises(KinkError, match=r"element \[1\].*left.*right"):
        gradcheck(torch.relu, x, fast_mode=fast_mode)
    near = torch.tensor([0.5, 3e-7], dtype=torch.float64, requires_grad=True)
    with pytest.raises(KinkError):
        gradcheck(torch.relu, near, fast_mode=fast_mode)


def test_a_wrong_gradient_is_reported_before_a_kink():
    x = torch.tensor([0.5, 0.0], dtype=torch.float64, requires_grad=True)
    with pytest.raises(GradcheckError, match=r"(?s)mismatch.*input element \[0\]"):
        gradcheck(lambda x: torch.relu(x) + 0.25 * (x - x.detach()), x)


def test_strong_curvature_is_not_a_kink():
    x = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    steep = lambda x: torch.exp(12 * x)
    assert gradcheck(steep, x)
    with pytest.raises(GradcheckError, match="mismatch"):
        gradcheck(lambda x: steep(x) + 1e6 * (x - x.detach()), x)


def test_low_precision_inside_is_recognised():
    x = leaf(3)
    with pytest.raises(GradcheckError):
        gradcheck(lambda x: torch.tanh(x.float()).double(), x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_other_types_are_refused_with_advice(dtype):
    with pytest.raises(ValueError, match=r"input 0 is torch.float\d\d.*double\(\)"):
        gradcheck(torch.tanh, leaf(2, dtype=dtype))


def test_bad_inputs():
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        gradcheck(torch.tanh, torch.ones(2, dtype=torch.float64))
    with pytest.raises(ValueError, match="stride 0"):
        gradcheck(torch.tanh, leaf(1, 3).expand(2, 3))
    with pytest.raises(NotImplementedError, match="check_forward_ad"):
        gradcheck(torch.tanh, leaf(2), check_forward_ad=True)
    assert gradcheck(torch.tanh, leaf(2), check_batched_grad=False, check_forward_ad=False)
    with pytest.raises(TypeError, match="unexpected keyword argument 'epsilon'"):
        gradcheck(torch.tanh, leaf(2), epsilon=1e-6)


def test_inputs_come_back_to_the_bit():
    x = leaf(2, 3)
    before = x.detach().numpy().copy()
    assert gradcheck(torch.tanh, x)
    assert gradgradcheck(torch.tanh, x)
    np.testing.assert_array_equal(x.detach().numpy(), before)
    assert x.grad is None
    with pytest.raises(ZeroDivisionError):
        gradcheck(lambda x: torch.tanh(x) if np.array_equal(x.detach().numpy(), before) else 1 / 0, x)
    np.testing.assert_array_equal(x.detach().numpy(), before)


def test_a_function_that_writes_to_its_input_is_told_off():
    def careless(x):
        x.data.mul_(1.1)
        return x * 2

    with pytest.raises(GradcheckError, match="changed its input 0"):
        gradcheck(careless, leaf(2))


def test_closures_over_the_inputs_work():
    """Parameters reached through a module move, because they are moved in place."""
    w = leaf(3, seed=4)
    x = torch.ones(3, dtype=torch.float64)
    assert gradcheck(lambda *parameters: torch.tanh(w * x), (w,))


def test_other_arguments_are_passed_through():
    x, ids = leaf(4, 2), torch.tensor([0, 2, 2])
    assert gradcheck(lambda x, ids, scale, axis: (x[ids] * scale).sum(axis), (x, ids, 2.0, 0))


def test_noise_is_found():
    rng = np.random.default_rng(0)
    x = leaf(3)
    with pytest.raises(GradcheckError, match="not deterministic"):
        gradcheck(lambda x: x * (1 + 1e-9 * rng.random()), x)
    assert gradcheck(lambda x: x * (1 + 1e-9 * rng.random()), x, nondet_tol=1e-6, atol=1e-2)


def test_noise_in_backward_is_found():
    rng = np.random.default_rng(0)

    def shaky(x):
        y = torch.tanh(x)
        y.register_hook(lambda g: g * (1 + 1e-9 * rng.random()))
        return y

    with pytest.raises(GradcheckError, match="not reentrant"):
        gradcheck(shaky, leaf(3))
    assert gradcheck(shaky, leaf(3), nondet_tol=1e-6)


@MODES
def test_several_outputs_some_constant(fast_mode):
    x, w = leaf(2, 3), leaf(2, 3, seed=1)
    assert gradcheck(lambda x, w: (x * w, torch.tanh(x), w.detach() * 0 + 1, (x > 0)), (x, w), fast_mode=fast_mode)
    with pytest.raises(GradcheckError, match="output 1"):
        gradcheck(lambda x, w: (x * w, torch.tanh(x).detach()), (x, w), fast_mode=fast_mode)


def test_inner_tensors_views_and_empty_inputs():
    x = leaf(3, 4)
    assert gradcheck(torch.tanh, (x * 2)[:, ::2])
    assert gradcheck(lambda x: torch.tanh(x).sum(), leaf(0, 3))
    assert gradcheck(torch.tanh, leaf())


def test_grad_outputs_may_be_given_and_may_have_gaps():
    x = leaf(2, 3)
    dy = torch.tensor(np.ones((2, 3)))
    assert gradgradcheck(torch.tanh, x, dy)
    assert gradgradcheck(torch.tanh, x, gen_non_contig_grad_outputs=True)


def test_on_every_library(library):
    x = library.tensor(np.random.default_rng(0).uniform(-1, 1, (2, 3)), requires_grad=True)
    assert gradcheck(lambda x: torch.tanh(x) * x, x, check_grad_dtypes=True)
    assert gradgradcheck(lambda x: torch.tanh(x) * x, x)

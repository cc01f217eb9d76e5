"""The pitfalls of fused sequences: state left from the last call, memory shared or kept, writes that nobody sees."""

import threading
import weakref
from itertools import combinations

import numpy as np
import pytest

import layers as nn
import minigrad
from layers import Budget
from minigrad import autograd
from minigrad.graph import Output

LAYERS = [nn.LSTM, nn.GRU, nn.RNN]
KINDS = [None, "sqrt", Budget(3, segment=4)]
T, B, I, H = 40, 8, 12, 32  # large enough for memory to come from the layer's pool

pytestmark = pytest.mark.parametrize("make", LAYERS)


def drawn(seed=0):
    return minigrad.tensor(np.random.default_rng(seed).normal(size=(T, B, I)).astype("float32")).requires_grad_()


def flat(result):
    """Return y and the states in one list."""
    y, ends = result
    return [y, *(ends if isinstance(ends, tuple) else (ends,))]


def passed(module, x, outputs=None):
    """Go forward and backward; return copies of all values and gradients."""
    found = flat(module(x))
    chosen = found if outputs is None else [found[k] for k in outputs]
    leaves = [x, *module.parameters()]
    gradients = autograd.grad([y.cos().sum() for y in chosen], leaves)
    return [v.detach().numpy().copy() for v in (*found, *gradients)]


def same(a, b):
    for u, v in zip(a, b, strict=True):
        np.testing.assert_array_equal(u, v)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_several_forwards_before_their_backwards(make, kind, order):
    module = make(I, H, 2, bidirectional=True, checkpoint=kind)
    expected = [passed(module, drawn(seed)) for seed in range(3)]
    inputs = [drawn(seed) for seed in range(3)]
    found = [flat(module(x)) for x in inputs]
    for k in order:
        gradients = autograd.grad([y.cos().sum() for y in found[k]], [inputs[k], *module.parameters()])
        same([v.detach().numpy() for v in (*found[k], *gradients)], expected[k])


@pytest.mark.parametrize("kind", KINDS)
def test_the_second_call_equals_the_first(make, kind):
    """Pitfall 15, in memory that the first has used."""
    module = make(I, H, bidirectional=True, checkpoint=kind)
    first = passed(module, drawn())
    passed(module, drawn(1))
    same(passed(module, drawn()), first)


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_user_holds_stays_while_the_layer_goes_on(make, kind):
    module, x = make(I, H, checkpoint=kind), drawn()
    held = flat(module(x))
    pieces = [held[0].detach()[3:5], held[0].detach().numpy()[::2, :, 1], memoryview(held[0].detach().numpy()[-1])]
    held[0].sum().backward(retain_graph=True)
    held += [x.grad, *(p.grad for p in module.parameters())]
    x.grad = None
    module.zero_grad()
    before = [v.detach().numpy().copy() for v in held] + [np.array(p) for p in pieces]
    del held[0]  # but its pieces live on
    for seed in range(4):
        with minigrad.no_grad():
            module(drawn(seed))
        module(drawn(seed))[0].sum().backward()
    same([np.array(v.detach().numpy()) for v in held] + [np.array(p) for p in pieces], before[1:])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backward", [True, False])
def test_nothing_is_kept_alive(make, kind, backward, uncollected):
    module, x = make(I, H, checkpoint=kind), drawn()
    found = flat(module(x))
    source = found[0].source
    node = source.node if isinstance(source, Output) else source
    watched = [weakref.ref(v) for v in (*found, node)]
    if backward:
        loss = sum(y.sum() for y in found)
        loss.backward()
        del loss
        x.grad = None
        module.zero_grad()
    del found, source, node
    assert all(reference() is None for reference in watched)
    assert not module._pool._lent, "the layer's memory has not come back"


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_may_go_before_its_graph(make, kind, uncollected):
    module, x = make(I, H, checkpoint=kind), drawn()
    expected = passed(module, x)[-len(list(module.parameters())) - 1]
    y = flat(module(x))
    watched = weakref.ref(module)
    del module
    assert watched() is None
    sum(v.cos().sum() for v in y).backward()
    np.testing.assert_array_equal(x.grad.numpy(), expected)


def test_backward_frees_what_was_saved(make):
    module = make(I, H)
    y, _ = module(drawn())
    y.sum().backward()
    lent = sum(memory.nbytes for _, memory in module._pool._lent.values())
    own = sum(p.grad.array.nbytes for p in module.parameters()) + 2 * y.array.nbytes  # y with a slot more, and dx
    assert lent <= 1.1 * own + 40_000


@pytest.mark.parametrize("write", [lambda y: y.add_(1), lambda y: y[2].zero_(), lambda y: y.unsqueeze(0).mul_(2)])
def test_a_write_to_the_output_is_seen(make, write):
    """Pitfall 20: y is what the backward pass works with."""
    x = drawn()
    y, _ = make(I, H)(x)
    z = y * 1.0
    with minigrad.no_grad():
        write(y)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*'(Lstm|Gru|Elman)Backward0'"):
        z.sum().backward()


def test_a_write_to_the_states_at_the_end_harms_nothing(make):
    module, x = make(I, H), drawn()
    expected = passed(module, x, outputs=[0])[-1]
    y, *ends = flat(module(x))
    with minigrad.no_grad():
        for end in ends:
            end.zero_()
    (found,) = autograd.grad(y.cos().sum(), list(module.parameters())[-1:])
    np.testing.assert_array_equal(found.numpy(), expected)
    assert bool((y[-1] != 0).any())


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_share_no_memory(make, kind):
    module, x = make(I, H, checkpoint=kind), drawn()
    starts = [minigrad.randn(1, B, H).requires_grad_() for _ in module.state_sizes()]
    found = flat(module(x, starts[0] if len(starts) == 1 else tuple(starts)))
    sum(y.sum() for y in found).backward()
    leaves = [x, *starts, *module.parameters()]
    arrays = [v.array for v in (*found, *leaves)] + [v.grad.array for v in leaves]
    assert not any(np.shares_memory(a, b) for a, b in combinations(arrays, 2))
    assert all(v.grad.array.flags.writeable for v in leaves)


@pytest.mark.parametrize("kind", KINDS)
def test_every_subset_of_outputs(make, kind):
    """Pitfall 16, against the graph of ops."""
    fused, unrolled = make(I, H, checkpoint=kind), make(I, H, fused=False)
    unrolled.load_state_dict(fused.state_dict())
    fused, unrolled = fused.double(), unrolled.double()
    x = drawn().detach().double().requires_grad_()
    outputs = range(1 + len(fused.state_sizes()))
    for size in outputs:
        for chosen in combinations(outputs, size + 1):
            for a, b in zip(passed(fused, x, chosen), passed(unrolled, x, chosen), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


def test_inputs_are_not_changed(make):
    module, x = make(I, H), drawn()
    start = minigrad.randn(1, B, H)
    starts = start if len(module.state_sizes()) == 1 else (start, start)  # the same Tensor twice
    before = [v.detach().numpy().copy() for v in (x, start, *module.parameters())]
    module(x, starts)[0].sum().backward()
    same([v.detach().numpy() for v in (x, start, *module.parameters())], before)


def test_an_error_leaves_the_layer_as_it_was(make):
    module = make(I, H)
    expected = passed(module, drawn())
    with pytest.raises(RuntimeError):
        module(minigrad.randn(T, B, I + 1))
    same(passed(module, drawn()), expected)


def test_two_threads_with_one_layer(make):
    module = make(I, H, checkpoint="sqrt")
    expected = [passed(module, drawn(seed)) for seed in range(2)]
    wrong = []

    def work(seed):
        try:
            for _ in range(15):
                same(passed(module, drawn(seed)), expected[seed])
        except BaseException as error:  # of whatever kind: it is shown below
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong

"""Views share memory, and a write through one of them reaches the base, the other views, and the gradients of all."""

import numpy as np
import pytest

import minigrad as torch

VIEWS = {
    "index": lambda x: x[1],
    "one element": lambda x: x[1, 2],
    "slice": lambda x: x[:, 1:3],
    "strided slice": lambda x: x[:, ::2],
    "new axis": lambda x: x[:, None],
    "ellipsis": lambda x: x[..., 1],
    "select": lambda x: x.select(1, 2),
    "view": lambda x: x.view(4, 3),
    "reshape": lambda x: x.reshape(2, 6),
    "reshape to one": lambda x: x.reshape(-1),
    "flatten": lambda x: x.flatten(),
    "unflatten": lambda x: x.unflatten(1, (2, 2)),
    "transpose": lambda x: x.transpose(0, 1),
    "t": lambda x: x.t(),
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "permute": lambda x: x.permute(1, 0),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "squeeze": lambda x: x.view(3, 1, 4).squeeze(1),
    "view_as": lambda x: x.view_as(torch.ones(6, 2)),
    "view of a view": lambda x: x[:, 1:].t()[0],
}

SHARES = {
    "detach": lambda x: x.detach(),
    "data": lambda x: x.data,
    "expand": lambda x: x[:1].expand(3, 4),
    "broadcast_to": lambda x: x[:1].broadcast_to((3, 4)),
    "unbind": lambda x: x.unbind(1)[1],
    "unbind of a vector": lambda x: x[0].unbind(0)[1],
    "split": lambda x: x.split(2, 1)[1],
    "chunk": lambda x: x.chunk(2, 1)[0],
    "iteration": lambda x: list(x)[1],
    "contiguous of contiguous": lambda x: x.contiguous(),
    "to of the same type": lambda x: x.to(torch.float64),
    "numpy and from_numpy": lambda x: torch.from_numpy(x.detach().numpy()),
}

COPIES = {
    "ids": lambda x: x[[0, 1]],
    "mask": lambda x: x[x > 0],
    "clone": lambda x: x.clone(),
    "transposed reshape": lambda x: x.t().reshape(-1),
    "contiguous of transposed": lambda x: x.t().contiguous(),
    "another type": lambda x: x.float(),
    "tensor": lambda x: torch.tensor(x.detach().numpy()),
    "cat": lambda x: torch.cat([x]),
    "index_select": lambda x: x.index_select(0, torch.tensor([0])),
    "arithmetic": lambda x: x + 0,
}


def fresh(requires_grad=False):
    return torch.tensor(np.arange(1.0, 13.0).reshape(3, 4), requires_grad=requires_grad)


@pytest.mark.parametrize("name", [*VIEWS, *SHARES])
def test_views_share_memory_and_versions(name):
    x = fresh()
    view = {**VIEWS, **SHARES}[name](x)
    assert np.shares_memory(view.array, x.array)
    before = view._version
    x.mul_(2)
    assert view._version == x._version == before + 1


@pytest.mark.parametrize("name", COPIES)
def test_copies_share_nothing(name):
    x = fresh()
    copy = COPIES[name](x)
    assert not np.shares_memory(copy.array, x.array)
    x.mul_(2)
    assert copy._version == 0


@pytest.mark.parametrize("name", VIEWS)
def test_a_write_through_a_view_is_recorded_on_the_base(name):
    """The oracle is the same program without writes: a mask, and where()."""
    take = VIEWS[name]
    x, w = fresh(requires_grad=True), torch.tensor(np.linspace(0.5, 2, 12).reshape(3, 4))
    base = x * 1
    view = take(base)
    view.mul_(3)
    (torch.sin(base) * w).sum().backward()

    mask = torch.zeros(3, 4, dtype=torch.bool)
    take(mask).fill_(True)
    y = fresh(requires_grad=True)
    (torch.sin(torch.where(mask, y * 3, y)) * w).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-13)


@pytest.mark.parametrize("name", VIEWS)
def test_a_write_to_the_base_reaches_the_view(name):
    take = VIEWS[name]
    x, y = fresh(requires_grad=True), fresh(requires_grad=True)
    base = x * 1
    view = take(base)
    base.mul_(3)
    torch.sin(view).sum().backward()
    torch.sin(take(y * 3)).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-13)


def test_a_write_through_one_view_reaches_another():
    x = fresh(requires_grad=True)
    base = x * 1
    row, column = base[1], base[:, 2]
    row.mul_(10)
    column.sum().backward()
    expected = np.zeros((3, 4))
    expected[:, 2] = [1, 10, 1]
    np.testing.assert_array_equal(x.grad.numpy(), expected)


def test_a_constant_buffer_becomes_part_of_the_graph():
    """out = zeros; out[t] = h: how every recurrent network is first written."""
    x = fresh(requires_grad=True)
    out = torch.zeros(3, 4, dtype=torch.float64)
    early = out[0]
    for t in range(3):
        out[t] = x[t] * (t + 1)
    assert out.requires_grad
    assert early.requires_grad
    (early.sum() + (out * out).sum()).backward()
    scale = np.array([1.0, 2.0, 3.0])[:, None]
    np.testing.assert_allclose(x.grad.numpy(), 2 * scale**2 * np.arange(1.0, 13.0).reshape(3, 4) + [[1], [0], [0]])


def test_overwriting_cuts_off_what_was_there():
    x, y = fresh(requires_grad=True), fresh(requires_grad=True)
    h = x * 2
    h[1] = y[0]
    h[1] = y[2] * 5
    h.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[2] * 4, [0] * 4, [2] * 4])
    np.testing.assert_array_equal(y.grad.numpy(), [[0] * 4, [0] * 4, [5] * 4])


def test_a_broadcast_value_written():
    x = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64, requires_grad=True)
    h = torch.zeros(3, 4, dtype=torch.float64)
    h[:] = x
    h[0, 0] = x.sum()
    (h * fresh()).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [14 + 1, 18 + 1, 21 + 1, 24 + 1])


def test_writes_by_ids_and_masks():
    x = fresh(requires_grad=True)
    h = x * 1
    h[[0, 2], [1, 3]] = 0.0
    h[h > 10] = -1.0
    h.sum().backward()
    values = np.arange(1.0, 13.0).reshape(3, 4)
    alive = (values <= 10) * 1.0
    alive[[0, 2], [1, 3]] = 0
    np.testing.assert_array_equal(x.grad.numpy(), alive)


def test_a_write_that_cannot_be_recorded_is_refused():
    h = fresh(requires_grad=True) * 1
    for part in (h.unbind(0)[0], h.split(1)[0], h.chunk(2)[1], next(iter(h))):
        with pytest.raises(RuntimeError, match="multiple views"):
            part.add_(1)
    with torch.no_grad():
        unrecorded = h[0]
    with pytest.raises(RuntimeError, match="no_grad"):
        unrecorded.add_(1)
    np.testing.assert_array_equal(h.detach().numpy(), np.arange(1.0, 13.0).reshape(3, 4))


def test_under_no_grad_everything_may_be_written():
    x = fresh(requires_grad=True)
    with torch.no_grad():
        x[0].zero_()
        x.unbind(0)[1].mul_(2)
        x += 1
    np.testing.assert_array_equal(x.detach().numpy(), [[1] * 4, [11, 13, 15, 17], [10, 11, 12, 13]])
    assert x.is_leaf
    assert x.requires_grad


def test_a_detached_view_written_is_seen_by_the_check():
    x = fresh(requires_grad=True)
    h = x * 2
    y = h * h
    h.detach()[0].zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_views_of_a_leaf_have_its_gradient():
    x = fresh(requires_grad=True)
    (x[0] * 2 + x.t()[:, 1]).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[2] * 4, [1] * 4, [0] * 4])


def test_every_second_derivative_goes_through_views_and_writes():
    def program(x):
        h = x * x
        h[1].mul_(x[0])
        h[:, 2] = h[:, 1].clone() * x[:, 0]
        out = torch.zeros(3, 4, dtype=torch.float64)
        out.t()[1:] = h.t()[1:] * 2 + x.t()[1:] ** 2
        return out

    x = torch.tensor(np.random.default_rng(0).uniform(0.5, 1.5, (3, 4)), requires_grad=True)
    assert torch.autograd.gradcheck(program, x)
    assert torch.autograd.gradgradcheck(program, x)

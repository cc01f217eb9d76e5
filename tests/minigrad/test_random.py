"""Random numbers: repeatable, each thread's its own, distributed as promised."""

import math
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, strategies as st

import minigrad as torch
from minigrad.random import default_generator, fork_rng

N = 20_000


@pytest.fixture(autouse=True)
def _seeded():
    """Start every test at one seed: what holds with it holds in every run."""
    with fork_rng():
        torch.manual_seed(0)
        yield


DRAWS = {
    "rand": lambda **to: torch.rand(5, **to),
    "randn": lambda **to: torch.randn(2, 3, **to),
    "randint": lambda **to: torch.randint(100, (5,), **to),
    "randperm": lambda **to: torch.randperm(9, **to),
    "normal": lambda **to: torch.normal(1.0, 2.0, (4,), **to),
    "bernoulli": lambda **to: torch.bernoulli(torch.full((9,), 0.5, device=to.get("device")), generator=to.get("generator")),
    "multinomial": lambda **to: torch.multinomial(torch.ones(9, device=to.get("device")), 5, generator=to.get("generator")),
    "uniform_": lambda **to: torch.empty(5, device=to.get("device")).uniform_(generator=to.get("generator")),
}


# ---- repeating


@pytest.mark.parametrize("name", DRAWS)
def test_the_same_seed_gives_the_same_numbers(name, library):
    place = library.device
    first, second = (torch.manual_seed(7) and library.numpy(DRAWS[name](device=place)) for _ in range(2))
    third = library.numpy(DRAWS[name](device=place))
    np.testing.assert_array_equal(first, second)
    assert (first != third).any()
    generator = torch.Generator(place).manual_seed(7)
    np.testing.assert_array_equal(first, library.numpy(DRAWS[name](device=place, generator=generator)))
    np.testing.assert_array_equal(third, library.numpy(DRAWS[name](device=place, generator=generator)))


@pytest.mark.parametrize("name", DRAWS)
def test_the_state_brings_the_numbers_back(name, library):
    generator = torch.Generator(library.device).manual_seed(3)
    torch.randint(2, (3,), generator=generator, device=library.device, dtype=torch.int32)  # leaves half a word behind
    state = generator.get_state()
    assert state.dtype is torch.uint8
    assert state.device.type == "cpu"
    before = library.numpy(DRAWS[name](device=library.device, generator=generator))
    generator.manual_seed(4)
    generator.set_state(state)
    assert generator.initial_seed() == 3
    np.testing.assert_array_equal(before, library.numpy(DRAWS[name](device=library.device, generator=generator)))


def test_global_state():
    state = torch.get_rng_state()
    before = torch.rand(3).tolist()
    torch.set_rng_state(state)
    assert torch.rand(3).tolist() == before
    with fork_rng():
        torch.manual_seed(5)
        torch.rand(3)
    after = torch.rand(3).tolist()
    torch.set_rng_state(state)
    torch.rand(3)
    assert torch.rand(3).tolist() == after
    assert torch.initial_seed() == 0


def test_seeds():
    assert torch.manual_seed(12).initial_seed() == torch.initial_seed() == 12
    assert torch.manual_seed(-1).initial_seed() == 2**64 - 1
    assert torch.manual_seed(torch.tensor(3)).initial_seed() == 3
    assert torch.Generator().initial_seed() == 67280421310721
    seed = torch.seed()
    assert seed == torch.initial_seed()
    first = torch.rand(3).tolist()
    assert torch.seed() != seed
    assert torch.manual_seed(seed) is default_generator()
    assert torch.rand(3).tolist() == first
    generator = torch.Generator()
    assert generator.seed() == generator.initial_seed()


def test_bad_seeds_and_states():
    for seed in (2**64, -(2**63) - 1):
        with pytest.raises(ValueError, match="Overflow when unpacking long long"):
            torch.manual_seed(seed)
    with pytest.raises(RuntimeError, match="manual_seed expected a long, but got float"):
        torch.Generator().manual_seed(1.5)
    with pytest.raises(TypeError, match=r"expected a torch.ByteTensor, but got list"):
        torch.set_rng_state([1])
    with pytest.raises(TypeError, match=r"RNG state must be a torch.ByteTensor"):
        torch.set_rng_state(torch.zeros(3))
    with pytest.raises(RuntimeError, match="input RNG state size to be 3"):
        torch.set_rng_state(torch.zeros(3, dtype=torch.uint8))
    with pytest.raises(TypeError, match="argument 'generator' must be Generator, not int"):
        torch.rand(2, generator=3)


def test_a_generator_draws_on_its_device_only(library):
    if library.name == "cpu":
        pytest.skip("this is the device of the other generator")
    with pytest.raises(RuntimeError, match=f"Expected a '{library.device}' device type for generator but found 'cpu'"):
        torch.rand(2, device=library.device, generator=torch.Generator())


# ---- threads


def drawn_in_a_thread(before=lambda: None):
    """Return what a new thread draws first, after it has done something."""
    found = []
    thread = threading.Thread(target=lambda: (before(), found.append(torch.rand(4).tolist())))
    thread.start()
    thread.join()
    return found[0]


def test_threads_derive_different_streams_from_the_main_threads_seed():
    assert threading.current_thread() is threading.main_thread()
    runs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        runs.append([torch.rand(4).tolist(), drawn_in_a_thread(), drawn_in_a_thread()])
    assert runs[0] == runs[1]
    everything = [tuple(numbers) for run in (runs[0], runs[2]) for numbers in run]
    assert len(set(everything)) == 6


def test_threads_do_not_disturb_each_other():
    torch.manual_seed(1)
    alone = [torch.rand(4).tolist() for _ in range(2)]
    torch.manual_seed(1)
    first = torch.rand(4).tolist()
    theirs = [drawn_in_a_thread(lambda: torch.manual_seed(1)) for _ in range(2)]
    assert [first, torch.rand(4).tolist()] == alone
    assert theirs == [first, first]  # whoever seeds itself depends on nobody
    torch.manual_seed(1)
    expected = drawn_in_a_thread()
    torch.manual_seed(1)
    drawn_in_a_thread(lambda: torch.manual_seed(99))  # neither does it move the newcomers, but for being one of them
    assert drawn_in_a_thread() != expected
    torch.manual_seed(1)
    assert drawn_in_a_thread() == expected


def test_a_thread_that_has_drawn_goes_on_with_its_stream():
    torch.manual_seed(1)
    with ThreadPoolExecutor(1) as pool:
        together = pool.submit(lambda: [torch.rand(4).tolist() for _ in range(2)]).result()
    torch.manual_seed(1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: torch.rand(4).tolist()).result()
        torch.manual_seed(2)
        assert [first, pool.submit(lambda: torch.rand(4).tolist()).result()] == together


def test_one_generator_in_many_threads_gives_every_number_once():
    generator = torch.Generator().manual_seed(5)
    expected = torch.rand(400, generator=generator, dtype=torch.float64).tolist()
    generator.manual_seed(5)
    with ThreadPoolExecutor(8) as pool:
        draws = pool.map(lambda _: torch.rand(1, generator=generator, dtype=torch.float64).item(), range(400))
        assert sorted(draws) == sorted(expected)


# ---- distributions


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_uniform(dtype):
    x = torch.rand(N, dtype=dtype)
    assert x.dtype is dtype
    values = x.numpy().astype(np.float64)
    assert values.min() >= 0
    assert values.max() < 1
    bits = {torch.float16: 11, torch.float32: 24, torch.float64: 53}[dtype]
    assert (values * 2.0**bits == np.round(values * 2.0**bits)).all()
    assert scipy.stats.kstest(values, "uniform", method="asymp").pvalue > 0.01
    wide = torch.empty(N, dtype=dtype).uniform_(-3, 5).numpy()
    assert wide.min() >= -3
    assert wide.max() <= 5
    assert abs(wide.astype(np.float64).mean() - 1) < 0.1


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_normal(dtype):
    for x, mean, std in (
        (torch.randn(N, dtype=dtype), 0, 1),
        (torch.normal(3.0, 0.5, (N,), dtype=dtype), 3, 0.5),
        (torch.empty(N, dtype=dtype).normal_(-1, 2), -1, 2),
        (torch.normal(torch.full((N,), 2.0, dtype=dtype), 3.0), 2, 3),
        (torch.normal(1.0, torch.full((N,), 0.5, dtype=dtype)), 1, 0.5),
    ):
        assert x.dtype is dtype
        rounded = 0.001 if dtype is torch.float16 else 0
        values = (x.numpy().astype(np.float64) - mean) / std + np.random.default_rng(0).uniform(-rounded, rounded, N)
        assert scipy.stats.kstest(values, "norm").pvalue > 0.01


def test_normal_of_tensors_broadcasts_and_takes_the_type_of_the_mean():
    mean, std = torch.arange(3.0), torch.zeros(2, 1, dtype=torch.float64)
    x = torch.normal(mean, std)
    assert x.tolist() == [[0, 1, 2], [0, 1, 2]]
    assert x.dtype is torch.float32
    assert torch.normal(1.0, std).dtype is torch.float64
    with pytest.raises(RuntimeError, match=r"std >= 0.0, but found std -1"):
        torch.normal(0.0, -1.0, (2,))
    with pytest.raises(RuntimeError, match=r"all elements of std >= 0.0"):
        torch.normal(mean, -torch.ones(3))
    with pytest.raises(RuntimeError, match=r"shapes \[3\] and \[4\] do not broadcast"):
        torch.normal(mean, torch.ones(4))
    with pytest.raises(TypeError, match="size"):
        torch.normal(0.0, 1.0)


def test_draws_depend_on_their_parameters_with_gradient_zero():
    p = torch.full((3,), 0.5, requires_grad=True)
    mean, std = torch.zeros(3, requires_grad=True), torch.ones(2, 1, requires_grad=True)
    for result in (torch.bernoulli(p), torch.normal(mean, 1.0), torch.normal(mean, std)):
        assert result.requires_grad
        result.sum().backward()
    for parameter in (p, mean, std):
        assert (parameter.grad == 0).all()
    with torch.no_grad():
        assert not torch.bernoulli(p).requires_grad
    assert not torch.multinomial(p, 2).requires_grad


def test_exponential():
    x = torch.empty(N).exponential_(2.0)
    assert (x > 0).all()
    assert scipy.stats.kstest(x.numpy().astype(np.float64), "expon", args=(0, 0.5)).pvalue > 0.01


class Constant(torch.Generator):
    """A generator whose every uniform draw is one number, to look at the ends of the interval."""

    def __init__(self, u):
        super().__init__()
        self._stream = self
        self.u = u

    def uniform(self, shape, dtype):
        return np.full(tuple(shape), self.u, getattr(dtype, "dtype", dtype))


ALMOST_ONE = 1 - 2.0**-53


def test_exponential_never_gives_zero():
    assert torch.empty(2).exponential_(generator=Constant(0)).tolist() == [2.0**-24] * 2


def test_what_is_impossible_never_happens():
    p = torch.tensor([0.0, 1.0], dtype=torch.float64)
    for u in (0, ALMOST_ONE):
        assert torch.bernoulli(p, generator=Constant(u)).tolist() == [0, 1]
        weights = torch.tensor([[0.0, 1, 2, 0], [0.0, 0, 3, 0], [1.0, 0, 0, 0]], dtype=torch.float64)
        expected = [[1 if u == 0 else 2] * 2, [2, 2], [0, 0]]
        assert torch.multinomial(weights, 2, replacement=True, generator=Constant(u)).tolist() == expected
        assert torch.multinomial(weights[1:], 1, generator=Constant(u)).tolist() == [[2], [0]]


@given(low=st.integers(-5, 5), count=st.integers(1, 8), dtype=st.sampled_from([torch.int64, torch.int8, torch.float32]))
def test_integers_are_even(low, count, dtype):
    x = torch.randint(low, low + count, (400 * count,), dtype=dtype)
    assert x.dtype is dtype
    found = Counter(x.tolist())
    assert set(found) == set(range(low, low + count))
    if count > 1:
        assert scipy.stats.chisquare(list(found.values())).pvalue > 1e-6


def test_integer_forms():
    for x in (
        torch.randint(3, (50,)),
        torch.randint(0, 3, (50,)),
        torch.randint(0, high=3, size=(50,)),
        torch.randint(high=3, size=(50,)),
        torch.randint(low=0, high=3, size=[50]),
        torch.randint_like(torch.zeros(50), 3),
        torch.randint_like(torch.zeros(50), 0, 3),
        torch.zeros(50).random_(3),
        torch.zeros(50).random_(0, 3),
    ):
        assert x.shape == (50,)
        assert set(x.tolist()) == {0, 1, 2}
    assert torch.randint_like(torch.zeros(2), 3).dtype is torch.float32
    for dtype, largest in ((torch.int8, 127), (torch.uint8, 255), (torch.bool, 1), (torch.float16, 2**11)):
        x = torch.zeros(N, dtype=dtype).random_().numpy().astype(np.int64)
        assert (x.min(), x.max()) == (0, largest)
    assert torch.zeros(99, dtype=torch.int64).random_().numpy().max() > 2**60


@pytest.mark.parametrize(
    ("draw", "kind", "message"),
    [
        (
            lambda: torch.randint(5, 5, (2,)),
            RuntimeError,
            "random_ expects 'from' to be less than 'to', but got from=5 >= to=5",
        ),
        (lambda: torch.randint(0, 300, (2,), dtype=torch.uint8), RuntimeError, "to - 1 is out of bounds for torch.uint8"),
        (lambda: torch.randint(-1, 3, (2,), dtype=torch.uint8), RuntimeError, "from is out of bounds for torch.uint8"),
        (lambda: torch.randint(2**24 + 2, (2,), dtype=torch.float32), RuntimeError, "to - 1 is out of bounds"),
        (lambda: torch.randint(5, 3), TypeError, r"randint\(\): argument 'size' \(position 2\) must be tuple of ints, not int"),
        (lambda: torch.randint(2.5, (2,)), TypeError, "argument 'high' must be int, not float"),
        (lambda: torch.randint(1, 2, 3, (2,)), TypeError, "takes high, or low and high"),
        (lambda: torch.randint(5, (2,), requires_grad=True), RuntimeError, "floating point"),
        (lambda: torch.rand(2, dtype=torch.int64), RuntimeError, "rand is not implemented for torch.int64"),
        (lambda: torch.randn(2, -1), RuntimeError, "negative dimension -1"),
        (lambda: torch.randperm(-1), RuntimeError, "negative dimension -1"),
        (lambda: torch.randperm(300, dtype=torch.uint8), RuntimeError, "without overflow"),
        (lambda: torch.bernoulli(torch.tensor([1.5])), RuntimeError, "Expected p_in >= 0 && p_in <= 1"),
        (lambda: torch.bernoulli(torch.tensor([math.nan])), RuntimeError, "Expected p_in >= 0 && p_in <= 1"),
        (lambda: torch.bernoulli(torch.tensor([1])), RuntimeError, "bernoulli is not implemented for torch.int64"),
        (lambda: torch.bernoulli(torch.ones(2), 1.5), RuntimeError, r"expects p to be in \[0, 1\], but got p=1.5"),
    ],
)
def test_refused(draw, kind, message):
    with pytest.raises(kind, match=message):
        draw()


def test_permutations_are_even():
    found = Counter(tuple(torch.randperm(4).tolist()) for _ in range(2400))
    assert len(found) == 24
    assert scipy.stats.chisquare(list(found.values())).pvalue > 0.01
    assert torch.randperm(0).shape == (0,)
    assert torch.randperm(3, dtype=torch.float32).dtype is torch.float32


def test_bernoulli():
    p = torch.tensor([0.0, 0.3, 1.0]).expand(N, 3)
    for x in (torch.bernoulli(p), torch.empty(N, 3).bernoulli_(p[0]), p.double().bernoulli()):
        mean = x.numpy().astype(np.float64).mean(0)
        assert mean[0] == 0
        assert mean[2] == 1
        assert scipy.stats.binomtest(round(mean[1] * N), N, 0.3).pvalue > 0.01
    assert torch.bernoulli(p, 1.0).numpy().all()
    assert torch.zeros(4, dtype=torch.int64).bernoulli_(1).tolist() == [1, 1, 1, 1]


# ---- multinomial


def test_multinomial_with_replacement(library):
    weights = np.array([[0.0, 1, 2, 0, 5, 0], [3, 0, 0, 1, 0, 0]])
    x = library.numpy(torch.multinomial(library.tensor(weights), N, replacement=True))
    assert x.dtype == np.int64
    assert x.shape == (2, N)
    for row, p in zip(x, weights / weights.sum(1, keepdims=True), strict=True):
        found = np.bincount(row, minlength=6)
        assert (found[p == 0] == 0).all()
        assert scipy.stats.chisquare(found[p > 0], N * p[p > 0]).pvalue > 0.01


def test_multinomial_without_replacement_draws_one_after_the_other(library):
    weights = np.array([1.0, 2, 0, 5])
    x = library.numpy(torch.multinomial(library.tensor(np.tile(weights, (N, 1))), 2))
    found = Counter(map(tuple, x.tolist()))
    p = weights / 8
    expected = {(i, j): N * p[i] * p[j] / (1 - p[i]) for i in (0, 1, 3) for j in (0, 1, 3) if i != j}
    assert set(found) == set(expected)
    assert scipy.stats.chisquare([found[pair] for pair in expected], list(expected.values())).pvalue > 0.01


def test_multinomial_of_one_is_the_weight_alone():
    x = torch.multinomial(torch.tensor([[1.0, 3.0, 0.0]]).expand(N, 3), 1)
    found = np.bincount(x.numpy()[:, 0], minlength=3)
    assert found[2] == 0
    assert scipy.stats.chisquare(found[:2], [N / 4, 3 * N / 4]).pvalue > 0.01


@given(k=st.integers(1, 6), rows=st.sampled_from([None, 0, 1, 3]), seed=st.integers(0, 2**32 - 1), replacement=st.booleans())
def test_multinomial_shapes_and_support(k, rows, seed, replacement):
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.1, 1, (k,) if rows is None else (rows, k)) * (rng.random(k) < 0.5)
    weights[..., rng.integers(k)] = 1
    possible = int((np.atleast_2d(weights)[:1] > 0).sum()) if weights.size else k
    count = int(rng.integers(1, possible + 1))
    x = torch.multinomial(torch.tensor(weights), count, replacement).numpy()
    assert x.shape == (*weights.shape[:-1], count)
    for row, w in zip(np.atleast_2d(x), np.atleast_2d(weights), strict=True):
        assert (w[row] > 0).all()
        assert replacement or len(set(row.tolist())) == count


def test_multinomial_fills_up_with_impossible_categories_last():
    x = torch.multinomial(torch.tensor([[0.0, 1.0, 0.0]] * 20), 3).tolist()
    assert all(sorted(row) == [0, 1, 2] and row[0] == 1 for row in x)


@pytest.mark.parametrize(
    ("weights", "arguments", "message"),
    [
        (1.0, (1,), "prob_dist must be 1 or 2 dim"),
        ([1, 2], (1,), "only supports floating-point dtypes for input"),
        ([1.0, 2.0], (0,), "cannot sample n_sample <= 0 samples"),
        ([1.0, 2.0], (3,), r"cannot sample n_sample > prob_dist.size\(-1\) samples without replacement"),
        ([1.0, -1.0], (1,), "contains either `inf`, `nan` or element < 0"),
        ([1.0, math.inf], (1, True), "contains either `inf`, `nan` or element < 0"),
        ([1.0, math.nan], (1,), "contains either `inf`, `nan` or element < 0"),
        ([[0.0, 1.0], [0.0, 0.0]], (1, True), "sum of probabilities <= 0"),
    ],
)
def test_multinomial_refuses(weights, arguments, message):
    with pytest.raises(RuntimeError, match=message):
        torch.multinomial(torch.tensor(weights), *arguments)

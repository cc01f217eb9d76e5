"""The programs of op_table, index_table and error_table on minigrad and on PyTorch: one outcome, value and gradient.

Where minigrad differs on purpose (the table keeps clear of it; `# ---- differences on purpose` below
holds the main ones down):

- It takes more: numbers where PyTorch wants a tensor (`torch.exp(2.0)`, `torch.maximum(x, 2)`), a number and a tensor as
  the two bounds of `clamp`, lists and NumPy arrays as the value of `x[...] = value`, negative steps in slices, ids of every
  integer type, lists of lists as one index, `x − True`.
- A number that the integer type of a tensor cannot hold is refused in arithmetic and compared as the number it is; PyTorch
  takes it modulo 2^bits, so that uint8 < 256 is False.
- `//` and `div(rounding_mode=…)` have no gradient (PyTorch's is zero, or an error); `%` has both, also for a number % tensor;
  scatter_add's src may be larger than index where it requires a gradient; `masked_fill` of integers drops the value's.
- An empty vector that `cat` passes over gets no gradient (PyTorch: an empty one);
  x ** 0.5 follows IEEE at −0 and −inf (PyTorch's gradient there is that of rsqrt).
- An operator that a type lacks is a TypeError (PyTorch: RuntimeError or NotImplementedError); the other such programs are in
  `BAD_OF_ANOTHER_TYPE`.
- There is no torch.embedding, whose arguments stand the other way round from F.embedding's.
"""

import itertools
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from . import error_table as errors, index_table as indices, op_table as table
from .beside import GRADIENT, VALUE, close, minigrad, outcome, torch

LOOSE = {"float16": 2e-3, "float32": 1e-6}


def program_of(text):
    """Return a text as a program, and the arrays that it names."""
    *steps, result = text.split("; ")
    before, last = compile("\n".join(steps), text, "exec"), compile(result, text, "eval")
    names = [name for name in table.ARRAYS if name in before.co_names + last.co_names]

    def program(torch, F, *tensors):
        scope = {"torch": torch, "F": F, "np": np, **dict(zip(names, tensors))}
        exec(before, scope)
        return eval(last, scope)

    return program, [table.ARRAYS[name] for name in names]


def both(text):
    """Return what a program comes to on minigrad and on PyTorch."""
    program, arrays = program_of(text)
    return (
        outcome(minigrad, minigrad.functional, program, arrays),
        outcome(torch, torch.nn.functional, program, arrays),
    )


def same(text):
    """Assert that both libraries give the same values, types, shapes and gradients, or fail with errors of one type."""
    ours, theirs = both(text)
    if ours.error or theirs.error:
        assert ours.error and theirs.error, f"{text}: {ours.error}, PyTorch: {theirs.error}"
        assert ours.error[0] == theirs.error[0], f"{text}: {ours.error}, PyTorch: {theirs.error}"
    for mine, peer in zip(ours.values, theirs.values, strict=True):
        close(mine, peer, LOOSE.get(peer.dtype.name, VALUE), f"{text}: value")
    for mine, peer in zip(ours.gradients, theirs.gradients, strict=True):
        assert (mine is None) == (peer is None), f"{text}: one of the two has no gradient"
        if mine is not None:
            close(mine, peer, GRADIENT, f"{text}: gradient")
    return theirs.error


def works(text):
    """Assert that a program gives the same on both libraries, and an error on neither."""
    error = same(text)
    assert error is None, f"{text}: {error}"


# ---- elementwise


@pytest.mark.parametrize("name", table.UNARY)
def test_unary(name):
    for layout in table.LAYOUTS:
        x = layout.format(table.UNARY[name])
        works(f"torch.{name}({x})")
        works(f"{x}.{name}()")


@pytest.mark.parametrize("name", [*table.ARITHMETIC, *table.COMPARISONS])
def test_binary(name):
    for pair in table.PAIRS:
        if name == "floor_divide":
            pair = ", ".join(f"({x}).detach()" for x in pair.split(", ")) if pair.count(", ") == 1 else "x.detach(), p.detach()"
        works(f"torch.{name}({pair})")


@pytest.mark.parametrize("name", table.ELEMENTWISE)
def test_special_forms(name):
    for text in table.several(table.ELEMENTWISE[name]):
        same(text)


@pytest.mark.parametrize("text", table.lines(table.INPLACE))
def test_in_place(text):
    same(text)


# ---- types

TYPES = ("bool", "uint8", "int32", "int64", "float16", "float32", "float64")
OPERANDS = [np.array(v).astype(kind) for kind in TYPES for v in ([1, 0, 3], 2)] + [True, 2, -1, 1.5]


def answer(library, code, a, b):
    """Return the type and values of an expression, or None where the library refuses it."""
    a, b = (library.tensor(v) if isinstance(v, np.ndarray) else v for v in (a, b))
    try:
        return eval(code, {"a": a, "b": b}).numpy()
    except (RuntimeError, TypeError, NotImplementedError):
        return None


@pytest.mark.parametrize("text", table.OPERATORS)
def test_result_types(text):
    """All pairs of types, of tensors with and without dimensions and of numbers: one type, one value, or both refuse."""
    code, wrong = compile(text, text, "eval"), []
    for a, b in itertools.product(OPERANDS, repeat=2):
        if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
            mine, peer = answer(minigrad, code, a, b), answer(torch, code, a, b)
            if not alike(mine, peer) and not differs(text, a, b):
                wrong.append((a, b, mine, peer))
    assert not wrong, "\n".join(f"{text} with {a!r}, {b!r}: {mine!r}, PyTorch {peer!r}" for a, b, mine, peer in wrong)


def alike(mine, peer):
    """Compare two answers."""
    if mine is None or peer is None:
        return mine is peer
    tolerance = LOOSE.get(peer.dtype.name, VALUE)
    return mine.dtype == peer.dtype and np.allclose(
        mine.astype(float), peer.astype(float), rtol=tolerance, atol=tolerance, equal_nan=True
    )


def differs(text, a, b):
    """True for what only minigrad computes (x − True, powers and quotients of bools), and for uint8 with −1."""
    kinds = [v.dtype.name if isinstance(v, np.ndarray) else type(v).__name__ for v in (a, b)]
    negative = "uint8" in kinds and any(type(v) is int and v < 0 for v in (a, b))
    return negative or ("bool" in kinds and text in ("a - b", "a ** b", "a // b", "a % b"))


@pytest.mark.parametrize("text", table.several(table.CONVERSIONS))
def test_conversions(text):
    works(text)


# ---- shapes and indices


@pytest.mark.parametrize("name", table.SHAPES)
def test_shapes(name):
    for text in table.several(table.SHAPES[name]):
        works(text)


@pytest.mark.parametrize("index", table.several(indices.INDICES))
def test_indices(index):
    """Reading, and writing numbers, 0-d tensors and tensors: values and gradients of the base and of what was written."""
    works(f"c[{index}]")
    if index == "False":
        return  # nothing to write to
    for value in ("2.0", "s", f"(d[{index}] * 2)"):
        same(f"h = c * 1; h[{index}] = {value}; h")


@pytest.mark.parametrize("text", [*table.several(indices.READS), *table.lines(indices.WRITES)])
def test_reads_and_writes(text):
    same(text)


@pytest.mark.parametrize("name", indices.PICKS)
def test_picks(name):
    for text in table.several(indices.PICKS[name]):
        same(text)


# ---- errors


@pytest.mark.parametrize("text", [*table.several(errors.BAD), *(f"{steps}; x" for steps in table.lines(errors.BAD_STEPS))])
def test_bad_arguments(text):
    assert same(text), "neither fails"


@pytest.mark.parametrize("text", table.several(errors.BAD_OF_ANOTHER_TYPE))
def test_bad_arguments_of_another_type(text):
    ours, theirs = both(text)
    assert ours.error and theirs.error
    assert ours.error[0] in ("IndexError", "TypeError", "RuntimeError", "ValueError"), ours.error


# ---- differences on purpose

MORE = {
    "torch.exp(0.0)": "torch.ones(())",
    "torch.maximum(x, 0)": "x.clamp(min=0)",
    "x.T.clamp(-1, col[0])": "x.T.clamp(min=-1).clamp(max=col[0])",
    "h = x * 1; h[0] = [1.0, 2.0, 3.0]; h": "h = x * 1; h[0] = torch.tensor([1.0, 2.0, 3.0]); h",
    "h = x * 1; h[0] = np.ones(3); h": "h = x * 1; h[0] = 1; h",
    "x[:, ::-1]": "x[:, [2, 1, 0]]",
    "c[i.to(torch.int8)]": "c[i]",
    "x - True": "x - 1",
}


@pytest.mark.parametrize("text", MORE)
def test_more_is_taken(text):
    ours, theirs = both(text)
    known = both(MORE[text])[0]
    assert theirs.error and not ours.error and not known.error
    np.testing.assert_array_equal(ours.values[0], known.values[0])


def test_gradients_that_pytorch_lacks():
    p = minigrad.tensor(table.ARRAYS["p"], requires_grad=True)
    (5 % p).sum().backward()
    np.testing.assert_array_equal(p.grad.numpy(), -np.floor(5 / table.ARRAYS["p"]))


def test_numbers_that_do_not_fit_are_not_wrapped():
    x = minigrad.tensor([1, 255], dtype=minigrad.uint8)
    for n in (-1, 256):
        with pytest.raises(RuntimeError, match=f"{n} out of bounds for uint8"):
            x + n
    assert (x < 256).all() and (x > -1).all() and not (x == -1).any()


# ---- completeness

ELSEWHERE = {
    "test_reductions": "all amax amin any argmax argmin logsumexp max mean min nonzero sum var",
    "test_products": "bmm dot matmul mm mv outer linear",
    "test_einsum": "einsum",
    "test_losses": "cross_entropy mse_loss nll_loss softmax log_softmax dropout",
    "test_more_functional": """binary_cross_entropy binary_cross_entropy_with_logits cosine_similarity elu gelu hardtanh
        huber_loss kl_div l1_loss layer_norm leaky_relu logsigmoid normalize silu smooth_l1_loss softplus softsign""",
    "test_more_ops": """acos addmm argsort asin atan ceil cosh cumprod cumsum diagonal erf expm1 flip floor hstack index_add
        log10 log1p log2 logical_and logical_not logical_or logical_xor masked_select moveaxis movedim narrow norm one_hot pad
        prod reciprocal roll round rsqrt scatter sign sinh sort std tan tile topk tril triu vstack""",
    "edge_single": """BoolTensor ByteTensor CharTensor DoubleTensor FloatTensor HalfTensor IntTensor LongTensor
        ShortTensor block_diag cdist dist ger is_nonzero is_same_size is_signed isin msort positive
        rsub select_scatter sgn slice_scatter split_with_sizes std_mean swapdims tril_indices
        triu_indices var_mean""",
    "edge_table": """acosh addbmm addcdiv addcmul addmv addr aminmax arccos arccosh arcsin arcsinh arctan arctan2 arctanh
        argwhere asinh atan2 atanh atleast_1d atleast_2d atleast_3d baddbmm bincount bucketize
        cartesian_prod clamp_max clamp_min column_stack combinations count_nonzero cross cummax
        cummin deg2rad diag diag_embed diagflat diff dsplit dstack exp2 fix fliplr flipud
        float_power fmod frac histc hsplit hypot index_copy index_fill index_put inner isinf
        isneginf isposinf isreal kron kthvalue lerp logaddexp logcumsumexp logit masked_scatter
        median meshgrid mode nan_to_num nanmean nanmedian nansum quantile rad2deg repeat_interleave
        rot90 row_stack scatter_reduce searchsorted take tensor_split tensordot trace trunc unique
        unique_consecutive vdot vsplit xlogy""",
    "test_attention": "scaled_dot_product_attention",
    "test_creation": """as_tensor arange empty eye from_numpy full full_like linspace ones ones_like tensor zeros
        zeros_like bernoulli multinomial normal rand randint randn randperm can_cast promote_types result_type finfo iinfo
        is_floating_point is_tensor numel allclose equal isclose get_default_dtype set_default_dtype""",
}
NO_VALUES = {"empty_like", "rand_like", "randn_like", "randint_like"}  # what lies in memory, or minigrad's own stream


def test_every_function_is_compared():
    """Each public function that PyTorch has too is in the table, or is named in the file of this folder that says so."""
    folder = Path(__file__).parent
    modules = (Path(minigrad.__file__).parent / "functions").glob("*.py")
    public = {n for m in modules for n in getattr(import_module(f"minigrad.functions.{m.stem}"), "__all__", [])}
    public = {n for n in public | set(minigrad.functional.__all__) if hasattr(torch, n) or hasattr(torch.nn.functional, n)}
    tables = [table.UNARY, table.ELEMENTWISE, table.SHAPES, indices.PICKS, table.ARITHMETIC, table.COMPARISONS]
    compared = NO_VALUES | {name for part in tables for name in part}
    for file, names in ELSEWHERE.items():
        words = set(re.findall(r"\w+", (folder / f"{file}.py").read_text(encoding="utf-8")))
        assert set(names.split()) <= words, f"{file}.py does not name {sorted(set(names.split()) - words)}"
        compared |= set(names.split())
    assert not public - compared, f"not compared with PyTorch: {sorted(public - compared)}"


@pytest.mark.parametrize("part", [table.ELEMENTWISE, table.SHAPES, indices.PICKS], ids=["elementwise", "shapes", "picks"])
def test_rows_of_the_table_use_what_they_are_named_after(part):
    symbols = {"div": " / ", "pow": " ** ", "sub": " - ", "remainder": " % "}
    for name, block in part.items():
        assert f".{name}(" in block or symbols.get(name, "\n\n") in block

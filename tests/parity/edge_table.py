"""What test_edge_cases sweeps: awkward arrays, and the forms of calls they are put into."""

from __future__ import annotations

import numpy as np

RNG = np.random.default_rng(5)


def _drawn(*shape: int) -> np.ndarray:
    return np.asarray(RNG.uniform(-2, 2, shape))


ARRAYS = {
    "f": _drawn(3, 4), "g": _drawn(3, 4), "v": _drawn(5), "s": _drawn(), "e": np.zeros((0, 3)), "e2": np.zeros((2, 0)),
    "e1": np.zeros(0), "t3": _drawn(2, 3, 4), "ties": np.array([[1.0, 2, 2, 1], [0, 0, -1, -1], [3, 3, 3, 3]]),
    "nan": np.array([[1, np.nan, np.inf, -np.inf], [0.0, -0.0, 2.5, np.nan], [-1.5, 1e300, -1e-300, 0.5]]),
    "i": np.array([[3, -1, 0, 2], [2, 2, -3, 1], [0, 0, 1, 1]]), "iv": np.array([3, 1, 2]),
    "u8": np.array([1, 2, 250], np.uint8),
    "b": np.array([[True, False, True, True], [False] * 4, [True] * 4]), "f32": _drawn(3, 4).astype(np.float32),
}  # fmt: skip
ALL = ("f", "v", "s", "e", "e1", "e2", "t3", "i", "b", "ties", "iv", "u8", "f32", "t3.mT[::2]")
WITH_NAN = (*ALL, "nan")
DIMS = ("0", "1", "-1", "2", "-3")


def _each(name: str, *arguments: str) -> list[str]:
    return [f"torch.{name}({{}}{', ' if a else ''}{a})" for a in arguments]


def _along(name: str, before: str = "") -> list[str]:
    return _each(name, *(before + d for d in DIMS))


FORMS: dict[str, tuple[list[str], tuple[str, ...]]] = {}
for _name in [
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "acosh",
    "asinh",
    "atanh",
    "trunc",
    "fix",
    "frac",
    "exp2",
    "logit",
    "deg2rad",
    "rad2deg",
    "nan_to_num",
    "isinf",
    "isposinf",
    "isneginf",
    "isreal",
    "sign",
    "absolute",
    "square",
    "expm1",
    "log1p",
    "log2",
    "log10",
    "rsqrt",
    "tan",
    "erf",
    "reciprocal",
    "floor",
    "ceil",
    "round",
]:
    FORMS[_name] = (_each(_name, ""), WITH_NAN)
for _name in ["hypot", "logaddexp", "atan2", "arctan2", "fmod", "xlogy", "float_power", "logical_and", "logical_xor"]:
    _pairs = ("{}, {}", "{}, s", "s, {}", "{}, {}[:1]", "{}, f32")
    FORMS[_name] = ([f"torch.{_name}({p})" for p in _pairs], ("f", "s", "i", "b", "e", "f32"))
for _name in [
    "median",
    "nanmedian",
    "cummax",
    "cummin",
    "logcumsumexp",
    "mode",
    "std",
    "var",
    "nansum",
    "nanmean",
    "amax",
    "amin",
    "any",
    "all",
    "prod",
    "cumsum",
    "cumprod",
    "argmax",
]:
    _whole = [] if _name in ("cummax", "cummin", "logcumsumexp", "cumsum", "cumprod", "mode") else _each(_name, "")
    _kept = _each(_name, "0, keepdim=True") if _whole else []
    FORMS[_name] = ([*_whole, *_kept, *_along(_name)], WITH_NAN)
FORMS |= {
    "kthvalue": ([f"torch.kthvalue({{}}, {k}, {d}).values" for k in (0, 1, 2, 9) for d in DIMS], WITH_NAN),
    "sort": (
        [
            *_each("sort", "stable=True", "dim=0, stable=True", "descending=True, stable=True", "5"),
            "torch.argsort({}, stable=True)",
        ],
        WITH_NAN,
    ),
    "topk": (
        [f"torch.topk({{}}, {k}, {d}, {big}).values" for k in (0, 1, 2, 9, -1) for d in (0, -1) for big in (True, False)],
        WITH_NAN,
    ),
    "aminmax": ([*_each("aminmax", "", "dim=0", "dim=-1, keepdim=True", "dim=5")], WITH_NAN),
    "diff": (_each("diff", "", "2", "1, 0", "9", "-1", "0"), WITH_NAN),
    "quantile": (_each("quantile", "0.5", "0.3, 0", "1.5", "0.25, dim=-1, keepdim=True, interpolation='nearest'"), ALL),
    "norm": (
        [f"torch.norm({{}}, {p}{d})" for p in ("1", "2", "3", "inf", "-inf", "'fro'", "'x'") for d in ("", ", 0")],
        ("f", "v", "s", "t3", "i", "ties", "f32"),
    ),
    "matrix_norm": (
        [
            f"torch.linalg.matrix_norm({{}}, {p}{d})"
            for p in ("1", "-1", "2", "-2", "inf", "'fro'", "'nuc'", "3")
            for d in ("", ", (0, 1), keepdim=True")
        ],
        ("f", "v", "s", "t3", "i", "f32", "f.T"),
    ),
    "svdvals": (
        [
            "torch.linalg.svdvals({})",
            "torch.linalg.svd({}, full_matrices=False)[1]",
            "torch.linalg.inv({}[..., :3, :3])",
            "q = torch.linalg.svd({}, full_matrices=False); (q[0] * q[1].unsqueeze(-2)) @ q[2]",
        ],
        ("f", "v", "s", "t3", "i", "f32", "f.T", "e2"),
    ),
    "flip": (_each("flip", "0", "(0,)", "(0, 1)", "()", "(0, 0)", "(2,)"), ALL),
    "roll": (
        _each("roll", "1", "1, 0", "(1, -2), (0, 1)", "7, -1", "(1, 2), 0", "(1, 2), (0, 0)"),
        ("f", "v", "s", "t3", "i", "b"),
    ),
    "movedim": (_each("movedim", "0, 1", "-1, 0", "(0, 1), (1, 0)", "0, 5"), ALL),
    "narrow": (_each("narrow", "0, 1, 1", "-1, 0, 2", "0, -1, 1", "0, 2, 5", "0, 0, -1", "3, 0, 1"), ALL),
    "diagonal": (_each("diagonal", "", "1", "-1", "9", "0, -1, 0", "0, 0, 0", "0, 0, 5"), ALL),
    "diag": (
        [
            *_each("diag", "", "1", "-1", "9"),
            *_each("diag_embed", "", "1", "-1, 0, 1", "0, 0, 0"),
            *_each("diagflat", "", "2"),
            *_each("trace", ""),
            *_each("tril", "1", "-9"),
            *_each("triu", "-1", "9"),
        ],
        tuple(a for a in ALL if a != "b"),
    ),
    "rot90": (
        [*_each("rot90", "", "2", "-1", "3, (1, 0)", "1, (0, 0)", "1, (0,)"), *_each("fliplr", ""), *_each("flipud", "")],
        ALL,
    ),
    "atleast": (["torch.atleast_1d({})", "torch.atleast_2d({})", "torch.atleast_3d({})"], ALL),
    "splits": (
        [
            *_each("split", "2", "[1, 2]", "0", "-1"),
            *_each("tensor_split", "2", "(1, 2)", "5", "0"),
            *_each("hsplit", "2", "(1,)"),
            *_each("vsplit", "1", "(1,)"),
            *_each("dsplit", "2"),
            *_each("chunk", "2", "5, -1", "0"),
            *_each("unbind", "1", "5"),
        ],
        ALL,
    ),
    "repeat_interleave": (
        _each("repeat_interleave", "2", "torch.tensor([1, 0, 2]), 0", "-1", "torch.tensor([1, 2]), 0", "0"),
        ("f", "v", "e", "t3", "i", "b"),
    ),
    "unique": (
        [f"torch.unique({{}}.detach(){a})" for a in ("", ", return_inverse=True", ", True, True, True", ", dim=0")]
        + [f"torch.unique_consecutive({{}}.detach(){a})" for a in ("", ", True, True")],
        ("f", "v", "i", "b", "iv", "u8", "ties"),
    ),
    "bincount": (_each("bincount", "", "minlength=7"), ALL),
    "histc": (_each("histc", "", "4, -1, 1", "4, 1, -1"), ("f", "v", "s", "t3", "i", "b", "ties", "f32")),
    "searching": (
        [f"torch.searchsorted(iv.sort()[0], {{}}{a})" for a in ("", ", right=True", ", out_int32=True", ", side='x'")]
        + ["torch.bucketize({}, iv.sort()[0])"],
        ALL,
    ),
    "take": (
        [
            *_each("take", "torch.tensor([0, 2, -1])", "torch.tensor([[0]])", "torch.tensor(99)", "torch.tensor([0.0])"),
            *_each("argwhere", ""),
            *_each("count_nonzero", "", "0", "5"),
        ],
        ALL,
    ),
    "stacks": (
        [
            f"torch.{n}({a})"
            for n in ("hstack", "vstack", "dstack", "column_stack", "row_stack")
            for a in ("[{}, {}]", "({}, f)", "[]", "{}")
        ],
        tuple(a for a in ALL if not a.startswith("e")),
    ),
    "products": (
        [
            *_each("inner", "{}", "s", "v"),
            *_each("tensordot", "{}", "{}, 1", "{}, 0", "{}, ([0], [0])", "{}, ([0], [1])"),
            *_each("kron", "{}"),
            *_each("vdot", "{}"),
            *_each("outer", "{}"),
            *_each("cross", "{}"),
        ],
        ("f", "v", "s", "t3", "i", "f32", "iv"),
    ),
    "weighted": (
        [f"torch.addmm({{}}, f, g.T{a})" for a in ("", ", beta=0", ", beta=0.5, alpha=-1")]
        + [f"torch.baddbmm({{}}, t3, t3.mT{a})" for a in ("", ", beta=0", ", alpha=2")]
        + [f"torch.addmv({{}}, f, v[:4]{a})" for a in ("", ", beta=0")]
        + [f"torch.addbmm({{}}, t3, t3.mT{a})" for a in ("", ", beta=0")]
        + [f"torch.addr({{}}, v[:3], v[:3]{a})" for a in ("", ", beta=0")],
        ("s", "v[:3]", "f[:, :3]", "f", "nan[:, :3]"),
    ),
    "grids": (
        [
            *_each("meshgrid", "", "{}", "{}, indexing='xy'"),
            *_each("cartesian_prod", "", "{}"),
            *_each("combinations", "", "3", "2, True"),
        ],
        ("v", "s", "i", "f", "iv", "u8"),
    ),
    "three": (
        [
            *_each("lerp", "{}, 0.5", "f, f"),
            *_each("addcmul", "{}, {}", "{}, {}, value=2"),
            *_each("addcdiv", "{}, {}", "f, g, value=2"),
        ],
        ("f", "v", "s", "t3", "f32", "iv"),
    ),
    "masks": (
        [
            *_each("masked_fill", "b, 0", "b, s", "b, v", "i, 0", "b[0], 1"),
            *_each("masked_select", "b", "i"),
            "torch.masked_scatter({}, b, {})",
        ],
        ("f", "ties", "e", "v", "f32"),
    ),
    "clamps": (
        [*_each("clamp", "0, 1", "None, 0", "", "1, 0", "f"), *_each("clamp_min", "0", "0.5"), *_each("clamp_max", "0")],
        ALL,
    ),
}

_ROWS = ("torch.tensor([0, 2])", "torch.tensor([0, 0])", "torch.tensor([], dtype=torch.int64)", "torch.tensor([0.0])")
_GRIDS = (
    "torch.tensor([[0, 1, 2, 0]])",
    "torch.tensor([[0, 9]])",
    "torch.tensor([[-1, 0]])",
    "torch.tensor([0, 1])",
    "torch.tensor([[0.0]])",
    "torch.tensor([[0, 1, 2, 0], [1, 1, 1, 1], [2, 2, 0, 0]])",
    "torch.tensor([[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])",
)
FORMS["by rows"] = (
    [
        f"torch.{n}({{}}, 0, {i}{a})"
        for i in _ROWS
        for n, a in (("index_select", ""), ("index_fill", ", 2"), ("index_add", ", {}[:2]"), ("index_copy", ", {}[:2]"))
    ],
    ("f", "i"),
)
FORMS["by ids"] = (
    [
        f"torch.{n}({{}}, {d}, {i}{a})"
        for i in _GRIDS
        for d in (0, 1, 2)
        for n, a in (("gather", ""), ("scatter", ", 1"), ("scatter_add", ", {}.detach()"))
    ],
    ("f", "ties", "i"),
)
FORMS["scatter_reduce"] = (
    [
        f"torch.scatter_reduce({{}}, {d}, {i}, {{}} * 1, '{r}', include_self={s})"
        for i in _GRIDS[-2:]
        for d in (0, 1)
        for r in ("sum", "prod", "mean", "amax", "amin", "bad")
        for s in (True, False)
    ],
    ("f", "ties", "i", "f32"),
)

IN_PLACE = {
    "lerp": "g, 0.5",
    "addcmul": "g, g",
    "addcdiv": "g, g, value=2",
    "index_fill": "0, iv % 3, 1.5",
    "hypot": "g",
    "atan2": "g",
    "index_copy": "0, torch.tensor([0, 2]), g[:2]",
    "index_put": "(torch.tensor([0, 2]),), g[:2]",
    "masked_scatter": "b, g",
    "fill_diagonal": "3.0",
    "scatter_reduce": "0, torch.tensor([[0, 1, 2, 0]] * 3), g, 'amax'",
    "clamp_min": "0",
    "trunc": "",
    "frac": "",
    "nan_to_num": "",
    "fmod": "g",
    "xlogy": "g.abs()",
    "exp2": "",
    "float_power": "2",
}
for _name, _arguments in IN_PLACE.items():
    FORMS[f"{_name}_"] = (
        [
            f"h = {{}} * 1; h.{_name}_({_arguments}); h",
            f"f.{_name}_({_arguments})",
            f"h = t3 * 1; h[0].{_name}_({_arguments}); h",
        ],
        ("f", "i"),
    )

"""Programs, one per line, that run on either library; the letters in them are the arrays below.

In an expression `torch` and `F` are whichever library runs it. Steps before the last, the result, end in a semicolon.
"""

from __future__ import annotations

import numpy as np

RNG = np.random.default_rng(7)


def _drawn(*shape: int) -> np.ndarray:
    return np.asarray(RNG.uniform(-2, 2, shape))


ARRAYS = {
    "x": _drawn(2, 3), "y": _drawn(2, 3), "row": _drawn(3), "col": _drawn(2, 1), "s": _drawn(), "r": _drawn(),
    "p": np.abs(_drawn(2, 3)) + 0.5, "e": _drawn(0, 3), "none": _drawn(0), "c": _drawn(3, 4, 2), "d": _drawn(3, 4, 2),
    "o": _drawn(1, 3, 1), "w": _drawn(5, 2),
    "n": np.array([[0.0, -0.0, np.inf], [-np.inf, np.nan, 1.0]]), "ties": np.array([[1.0, 0.0, 2.0], [-1.0, 1.0, -2.0]]),
    "i": np.array([2, 0]), "j": np.array([1, 3]), "k": np.array(1), "grid": np.array([[0, 1, 0], [1, 1, 0]]),
    "dup": np.array([[0, 0], [2, 0]]), "z": np.array([], np.int64), "b": np.array([[True, False, True], [False, False, True]]),
    "m3": np.array([True, False, True]), "m4": np.array([False, True, False, True]), "m": RNG.uniform(size=(3, 4, 2)) > 0.5,
    "a": np.arange(6).reshape(2, 3) - 2, "q": np.array([[3, -2, 1], [-1, 2, -3]]),
}  # fmt: skip

# ---- elementwise

UNARY = {
    "abs": "x", "absolute": "x", "clone": "x", "cos": "x", "exp": "x", "log": "p", "neg": "x", "negative": "x", "relu": "x",
    "sigmoid": "x", "sin": "x", "sqrt": "p", "square": "x", "tanh": "x", "isfinite": "x", "isnan": "x",
}  # fmt: skip
LAYOUTS = ("{}", "{}.T", "{}[:, ::2]", "{}[1]", "{}[0, 1]", "{}[0].expand(4, 3)", "{}[:, :0]", "{}.t()[1:, None]")

ARITHMETIC = ("add", "sub", "subtract", "mul", "multiply", "div", "divide", "true_divide", "maximum", "minimum", "floor_divide",
              "remainder")  # fmt: skip
COMPARISONS = ("eq", "ne", "not_equal", "lt", "less", "le", "less_equal", "gt", "greater", "ge", "greater_equal")
BITWISE = ("bitwise_and", "bitwise_or", "bitwise_xor")
OPERATORS = ("a + b", "a - b", "a * b", "a / b", "a // b", "a % b", "a ** b", "a & b", "a | b", "a ^ b", "a == b", "a != b",
             "a < b", "a <= b", "a > b", "a >= b")  # fmt: skip
PAIRS = ("x, y", "x, row", "col, row", "row, col", "s, x", "x, s", "s, r", "e, row", "row, e", "x, o", "o, x", "none, s",
         "x, y[:, :1]", "x.T, col[0]", "x[:, ::2], y.T[:2].t()", "x, x", "row.expand(2, 3), col.expand(2, 3)",
         "e[:, :1], e[:, None]")  # fmt: skip

ELEMENTWISE = {
    "pow": """
        p ** x; torch.pow(p, x); p.pow(row); torch.pow(2, x); 2.0 ** x; x ** 2; x ** 3; x ** 0; x ** 1; x ** -1; p ** 0.5
        p ** -1.5; s ** 2; e ** 2; p.T ** s; torch.pow(p, 2.5); x ** True; n ** 2; n ** 0.5; n ** -1; 0 ** p; n ** 0; a ** 2
        a ** 3; a ** 2.0; a ** 0.5; b ** 2; 2 ** q.abs(); ties ** 3; ties ** 1; ties ** 0; p[:, ::2] ** x[:, ::2]
        torch.zeros(3, dtype=torch.float64) ** row.abs(); ties.abs() ** 1.0
    """,
    "add": "torch.add(x, row, alpha=2); x.add(y, alpha=-0.5); torch.add(x, 1); torch.add(a, 2, alpha=3); torch.add(s, x, alpha=2)",
    "sub": "torch.sub(x, row, alpha=2); x.sub(y, alpha=-0.5); 1 - x; torch.sub(a, 2, alpha=3); 2.5 - s; x - True",
    "div": """
        torch.div(x, p, rounding_mode=None); torch.div(a, q); torch.div(a, 2); 1 / p; a / True; x / 0; n / n; a / 0
        torch.div(a, q, rounding_mode="floor"); torch.div(a, q, rounding_mode="trunc"); torch.div(a, 2, rounding_mode="floor")
        torch.div(a, -2, rounding_mode="trunc"); torch.div(x.detach(), p.detach(), rounding_mode="floor")
        torch.div(x.detach(), p.detach(), rounding_mode="trunc"); 7 // q; a // 0.5; a // True; (x.detach() / 0)
        torch.div(x, p, rounding_mode="floor"); torch.div(x, p, rounding_mode="trunc"); x // p; x // 0.7; 1 // p
    """,
    "remainder": """
        a % q; a % 2; a % -2; 7 % q; torch.remainder(a, q); a % 2.5; x % p; x % -0.7; x % p[:1]; 5 % p; n.detach() % 1
        x.remainder(row); s % r
    """,
    "clamp": """
        torch.clamp(x, -1, 1); x.clamp(min=0); x.clamp(max=0.5); x.clamp(0.5, -0.5); x.clamp(min=row); x.clamp(row, col)
        x.clamp(max=s); ties.clamp(-1, 1); ties.clamp(min=0.0); ties.clamp(max=ties.T.reshape(2, 3)); n.clamp(-1, 1); a.clamp(0, 2)
        a.clamp(0.5, 2.5); a.clamp(min=x); e.clamp(0, 1); s.clamp(0); x.T.clamp(-1, col[0]); n.clamp(min=row); ties.clamp(1, 1)
        ties.clamp(ties, ties); x.clamp(-1); x.clamp(None, 1); n.clamp(min=float("nan")); row.clamp(col, o)
    """,
    "clip": "torch.clip(x, -1, 1); x.clip(min=0); x.clip(max=row)",
    "maximum": "torch.maximum(ties, ties); torch.maximum(ties, ties.flip(0) if 0 else ties * 1); torch.maximum(n, x); torch.maximum(a, q)",
    "minimum": "torch.minimum(ties, ties * 1); torch.minimum(n, x); torch.minimum(x, n); torch.minimum(a, q); torch.minimum(a, x)",
    "where": """
        torch.where(b, x, y); torch.where(b, x, row); torch.where(b, s, col); torch.where(b, 1.0, x); torch.where(b, x, 0)
        torch.where(x > 0, x, -x); torch.where(b.T, x.T, y.T); torch.where(b[0], x, col); torch.where(b, 1.0, 2.0)
        torch.where(b, 1, 0); torch.where(b, a, x); torch.where(b, a, 1.5); x.where(b, y); x.where(b, 0.0); torch.where(b)
        torch.where(e > 0, e, row); torch.where(k > 0, s, r); torch.where(k > 0, x, y); torch.where(b, n, x); torch.where(b, True, a)
        torch.where(torch.tensor(True)); torch.where(e > 0); torch.where(x > 0, x.sqrt(), x); torch.where(x)
    """,
    "bitwise_not": "~b; ~a; torch.bitwise_not(a); torch.bitwise_not(b.T); ~a.to(torch.uint8); ~k; ~z; a.bitwise_not()",
    "bitwise_and": "a & q; b & b[:1]; a & 3; 5 & a; a & True; b & True; b & a; torch.bitwise_and(a, k); a.bitwise_and(q)",
    "bitwise_or": "a | q; b | b[:1]; a | 3; 5 | a; b | False; b | a; torch.bitwise_or(a, 4)",
    "bitwise_xor": "a ^ q; b ^ b[:1]; a ^ 3; 5 ^ a; b ^ True; b ^ a; torch.bitwise_xor(a, 4)",
    "relu": "F.relu(ties); F.relu(n); torch.relu(a); h = x * 1; F.relu(h, inplace=True); h",
    "abs": "torch.abs(ties); torch.abs(n); abs(a); abs(x)",
    "square": "torch.square(a); torch.square(b); torch.square(n)",
    "sqrt": "torch.sqrt(n); torch.sqrt(a); torch.sqrt(ties)",
    "log": "torch.log(n); torch.log(a); torch.log(ties)",
    "exp": "torch.exp(n); torch.exp(a); torch.exp(b)",
    "sigmoid": "torch.sigmoid(n * 800); torch.sigmoid(x * 400); torch.sigmoid(a); F.sigmoid(x)",
    "tanh": "torch.tanh(n); torch.tanh(x * 400); torch.tanh(a); F.tanh(x)",
}

INPLACE = """
    h = x * 1; h += row; h
    h = x * 1; h -= y; h
    h = x * 1; h *= col; h
    h = x * 1; h /= p; h
    h = p * 1; h **= 2; h
    h = p * 1; h **= x; h
    h = x.detach() * 1; h //= 0.5; h
    h = x.detach() * 1; h %= 0.5; h
    h = a * 1; h &= q; h
    h = a * 1; h |= 3; h
    h = b & b; h ^= b[:1]; h
    h = x * 1; h.add_(row, alpha=2); h
    h = x * 1; h.sub_(y, alpha=2); h
    h = x * 1; h.mul_(s).div_(p); h
    h = x * 1; h[0] += row; h[:, 1] *= s; h
    h = x * 1; h.T.mul_(col[0]); h
    h = x * 1; h.clamp_(-1, 1); h
    h = x * 1; h.clamp_(min=row); h
    h = x * 1; h.masked_fill_(b, s); h
    h = x * 1; h.scatter_add_(0, grid, y); h
    h = x * 1; h.square_(); h
    h = p * 1; h.pow_(1.5); h
    h = e * 1; h += row; h
    h = s * 1; h *= r; h
    h = s * 1; h += x; h
    h = row * 1; h += x; h
    h = a * 1; h += 1.5; h
    h = a * 1; h += x; h
    h = a * 1; h /= 2; h
    h = b & b; h += 1; h
    h = a.float(); h += x; h
"""


def lines(block: str) -> list[str]:
    """Return the programs of a block: one per line."""
    return [line.strip() for line in block.strip().splitlines()]


def several(block: str) -> list[str]:
    """Return the programs of a block of expressions: a semicolon ends one as a line does."""
    return [text.strip() for line in lines(block) for text in line.split(";")]

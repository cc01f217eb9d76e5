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
PAIRS = ("x, y", "x, row", "col, row", "row, col", "s, x", "x, s", "s, r", "e, row", "row, e", "x[:, None], o",
         "o, c[:1, :3]", "none, s",
         "x, y[:, :1]", "x.T, col[0]", "x[:, ::2], y.T[:2].t()", "x, x", "row.expand(2, 3), col.expand(2, 3)",
         "e[:, :1], e[:, None]")  # fmt: skip

ELEMENTWISE = {
    "pow": """
        p ** x; torch.pow(p, x); p.pow(row); torch.pow(2, x); 2.0 ** x; x ** 2; x ** 3; x ** 0; x ** 1; x ** -1; p ** 0.5
        p ** -1.5; s ** 2; e ** 2; p.T ** s; torch.pow(p, 2.5); x ** True; n ** 2; ties ** 0.5; n ** -1; 0 ** p; n ** 0
        a ** 2
        a ** 3; a ** 2.0; a ** 0.5; b ** 2; 2 ** q.abs(); ties ** 3; ties ** 1; ties ** 0; p[:, ::2] ** x[:, ::2]
        torch.zeros(3, dtype=torch.float64) ** row.abs(); ties.abs() ** 1.0
    """,
    "add": """
        torch.add(x, row, alpha=2); x.add(y, alpha=-0.5); torch.add(x, 1); torch.add(a, 2, alpha=3); torch.add(s, x, alpha=2)
    """,
    "sub": "torch.sub(x, row, alpha=2); x.sub(y, alpha=-0.5); 1 - x; torch.sub(a, 2, alpha=3); 2.5 - s",
    "div": """
        torch.div(x, p, rounding_mode=None); torch.div(a, q); torch.div(a, 2); 1 / p; a / True; x / 0; n / n; a / 0
        torch.div(a, q, rounding_mode="floor"); torch.div(a, q, rounding_mode="trunc"); torch.div(a, 2, rounding_mode="floor")
        torch.div(a, -2, rounding_mode="trunc"); torch.div(x.detach(), p.detach(), rounding_mode="floor")
        torch.div(x.detach(), p.detach(), rounding_mode="trunc"); 7 // q; a // 0.5; a // True; (x.detach() / 0)
        x.detach() // p.detach(); x.detach() // 0.7; 1 // p.detach()
    """,
    "remainder": """
        a % q; a % 2; a % -2; 7 % q; torch.remainder(a, q); a % 2.5; x % p; x % -0.7; x % p[:1]; 5 % p.detach()
        n.detach() % 1
        x.remainder(row); s % r
    """,
    "clamp": """
        torch.clamp(x, -1, 1); x.clamp(min=0); x.clamp(max=0.5); x.clamp(0.5, -0.5); x.clamp(min=row); x.clamp(row, col)
        x.clamp(max=s); ties.clamp(-1, 1); ties.clamp(min=0.0); ties.clamp(max=ties.T.reshape(2, 3)); n.clamp(-1, 1)
        a.clamp(0, 2)
        a.clamp(0.5, 2.5); a.clamp(min=x); e.clamp(0, 1); s.clamp(0); x.T.clamp(max=col[0]); n.clamp(min=row)
        ties.clamp(1, 1)
        ties.clamp(ties, ties); x.clamp(-1); x.clamp(None, 1); n.clamp(min=float("nan")); row.clamp(col, o)
    """,
    "clip": "torch.clip(x, -1, 1); x.clip(min=0); x.clip(max=row)",
    "maximum": "torch.maximum(ties, ties); torch.maximum(ties, ties * 1); torch.maximum(n, x); torch.maximum(a, q)",
    "minimum": """
        torch.minimum(ties, ties * 1); torch.minimum(n, x); torch.minimum(x, n); torch.minimum(a, q); torch.minimum(a, x)
    """,
    "where": """
        torch.where(b, x, y); torch.where(b, x, row); torch.where(b, s, col); torch.where(b, 1.0, x); torch.where(b, x, 0)
        torch.where(x > 0, x, -x); torch.where(b.T, x.T, y.T); torch.where(b[0], x, col); torch.where(b, 1.0, 2.0)
        torch.where(b, 1, 0); torch.where(b, a, x); torch.where(b, a, 1.5); x.where(b, y); x.where(b, 0.0); torch.where(b)
        torch.where(e > 0, e, row); torch.where(k > 0, s, r); torch.where(k > 0, x, y); torch.where(b, n, x)
        torch.where(b, True, a)
        torch.where(torch.tensor(True)); torch.where(e > 0); torch.where(x > 0, x.sqrt(), x); torch.where(x)
    """,
    "bitwise_not": "~b; ~a; torch.bitwise_not(a); torch.bitwise_not(b.T); ~a.to(torch.uint8); ~k; ~z; a.bitwise_not()",
    "bitwise_and": "a & q; b & b[:1]; a & 3; 5 & a; a & True; b & True; b & a; torch.bitwise_and(a, k); a.bitwise_and(q)",
    "bitwise_or": "a | q; b | b[:1]; a | 3; 5 | a; b | False; b | a; torch.bitwise_or(a, 4)",
    "bitwise_xor": "a ^ q; b ^ b[:1]; a ^ 3; 5 ^ a; b ^ True; b ^ a; torch.bitwise_xor(a, 4)",
    "relu": "F.relu(ties); F.relu(n); torch.relu(a)",
    "abs": "torch.abs(ties); torch.abs(n.detach()); abs(a); abs(x)",
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
    h = x * 1; F.relu(h, inplace=True); h
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


# ---- shapes

SHAPES = {
    "reshape": """
        x.reshape(3, 2); x.reshape((6,)); torch.reshape(x, (-1,)); x.reshape(-1, 2); x.T.reshape(6); x.T.reshape(-1, 2)
        s.reshape(1, 1); s.reshape(-1); row[:1].reshape(()); e.reshape(3, 0); e.reshape(0, 7); x.reshape([2, 3])
        c[:, ::2].reshape(-1); c.transpose(0, 2).reshape(2, -1); x[0].expand(4, 3).reshape(12); x.reshape_as(y.T)
    """,
    "view": """
        x.view(3, 2); x.view(-1); x.view((6, 1)); s.view(1); e.view(0, 5); c.view(12, 2); c[:, :, 0].view(3, 2, 2)
        x.view_as(y.reshape(3, 2)); x.T.view(3, 2); c[1].view(-1); x.view(2, 1, -1)
    """,
    "transpose": """
        torch.transpose(c, 0, 1); c.transpose(-1, 0); x.T; c.mT; s.transpose(0, -1); e.transpose(0, 1); x.transpose(1, 1)
    """,
    "swapaxes": "torch.swapaxes(c, 0, -1); x.swapaxes(0, 1)",
    "t": "torch.t(x); x.t(); row.t(); s.t(); x.T.t()",
    "permute": """
        torch.permute(c, (2, 0, 1)); c.permute(1, -1, 0); c.permute([0, 2, 1]); s.permute(()); e.permute(1, 0); row.permute(0)
    """,
    "squeeze": """
        o.squeeze(); o.squeeze(0); o.squeeze(1); o.squeeze(-1); o.squeeze((0, 2)); torch.squeeze(o, dim=2); s.squeeze()
        s.squeeze(0); x.squeeze(); e[:, :1].squeeze(1); col.T.squeeze(-2); o.squeeze((0, 1))
    """,
    "unsqueeze": """
        torch.unsqueeze(x, 0); x.unsqueeze(1); x.unsqueeze(-1); x.unsqueeze(-3); s.unsqueeze(0); s.unsqueeze(-1)
        e.unsqueeze(1); x.T.unsqueeze(0)
    """,
    "expand": """
        row.expand(2, 3); row.expand(2, -1); col.expand(2, 3); col.expand(-1, 4); s.expand(2, 3); s.expand(())
        o.expand(2, 3, 4)
        row.expand((4, 3)); col.expand(0, 2, 3); e.expand(2, 0, 3); row[:1].expand(0); col.T.expand(3, 2); col.expand_as(x)
    """,
    "broadcast_to": """
        torch.broadcast_to(row, (2, 3)); col.broadcast_to((2, 3)); s.broadcast_to((2,)); torch.broadcast_to(e, (0, 3))
        torch.broadcast_to(o, (4, 3, 2))
    """,
    "broadcast_tensors": """
        torch.broadcast_tensors(row, col); torch.broadcast_tensors(s, o, col[:1]); torch.broadcast_tensors(x)
        torch.broadcast_tensors(e, row)
    """,
    "flatten": """
        torch.flatten(c); c.flatten(1); c.flatten(0, 1); c.flatten(-2); c.flatten(-3, -2); s.flatten(); e.flatten()
        x.T.flatten()
        row.flatten(); c.flatten(1, 1); c.transpose(0, 1).flatten(1); torch.flatten(c, start_dim=1, end_dim=-1)
    """,
    "ravel": "torch.ravel(x); x.T.ravel(); s.ravel(); row.ravel(); e.ravel()",
    "unflatten": "torch.unflatten(c, 1, (2, 2)); c.unflatten(-2, (-1, 2)); row.unflatten(0, (3, 1)); e.unflatten(0, (0, 2))",
    "cat": """
        torch.cat([x, y]); torch.cat((x, y), 1); torch.cat([x, y], dim=-1); torch.cat([x, row[None], e])
        torch.cat([x, none.detach()])
        torch.cat([x.T, y.reshape(3, 2)], 1); torch.cat([x]); torch.cat([x, x]); torch.cat([x, a]); torch.cat([a, b])
        torch.cat([none, none])
        torch.cat([x[:, ::2], col], -1); torch.cat([e, e]); torch.cat([a.float(), a, b]); torch.cat([x, a[:1].float()])
    """,
    "concat": "torch.concat([x, y], 1); torch.concat([x, e])",
    "concatenate": "torch.concatenate([x, y], 1); torch.concatenate([x, e], dim=0)",
    "stack": """
        torch.stack([x, y]); torch.stack((x, y), 1); torch.stack([x, y], dim=-1); torch.stack([s, r]); torch.stack([s, r], -1)
        torch.stack([e, e], 1); torch.stack([x, x]); torch.stack([x.T, y.T], 2); torch.stack([x, a]); torch.stack([a, b])
        torch.stack([x], -3)
    """,
    "split": """
        torch.split(c, 2); c.split(3, 1); c.split([1, 3], dim=1); torch.split(c, 5); c.split((0, 2), -1); e.split(2)
        none.split(0)
        c.split(1, dim=-1)[1]; x.T.split(2); c.split([1, 2, 1], 1)[1:]; e.split([0, 0]); e.split(1, 1)
    """,
    "chunk": """
        torch.chunk(c, 2); c.chunk(3, 1); c.chunk(5); c.chunk(2, -1); e.chunk(2); c.chunk(1); c.chunk(2, dim=1)[1]
        x.T.chunk(2); none.chunk(3)
    """,
    "unbind": """
        torch.unbind(c); c.unbind(1); c.unbind(-1); c.unbind(dim=1)[2]; e.unbind(); e.unbind(1); x.T.unbind(); row.unbind()
        tuple(x)
    """,
    "select": "torch.select(c, 0, 1); c.select(1, -1); c.select(-1, 0); row.select(0, 2); e.select(1, 0)",
}

CONVERSIONS = """
    x.to(torch.float32); x.float(); x.half(); x.double(); x.to(torch.int64); x.long(); x.int(); x.short()
    (x * 9).to(torch.int8)
    p.to(torch.uint8); x.bool(); n.bool(); a.double() * x; a.float(); a.to(torch.float16); b.float(); b.int(); b.long()
    a.bool()
    x.to(a); a.to(x); x.type(torch.float32); x.type_as(a.float()); x.to("cpu"); x.to("cpu", torch.float32); x.to(x)
    x.to(torch.float32, copy=True); x.to(dtype=torch.float32).to(torch.float64); (x.float() * y); x.float() + row.half()
    s.float()
    e.float(); e.long(); x.T.float(); x[:, ::2].half().double(); x.to(torch.device("cpu")); x.to(float); x.to(int)
    a.to(torch.uint8)
    x.cpu(); x.contiguous(); x.T.contiguous(); x.to(torch.float32).to(torch.int64); x.type(torch.int64); x.to(torch.bool)
"""


def lines(block: str) -> list[str]:
    """Return the programs of a block: one per line."""
    return [line.strip() for line in block.strip().splitlines()]


def several(block: str) -> list[str]:
    """Return the programs of a block of expressions: a semicolon ends one as a line does."""
    return [text.strip() for line in lines(block) for text in line.split(";")]

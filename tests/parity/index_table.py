"""Programs of reading, writing and picking by index, as in op_table.py."""

from __future__ import annotations

# ---- ids: gather and its kin

PICKS = {
    "gather": """
        torch.gather(x, 0, grid); torch.gather(x, 1, grid); x.gather(-1, grid); x.gather(dim=0, index=grid[:, :1])
        x.gather(1, grid[:1])
        c.gather(1, k.reshape(1, 1, 1).expand(3, 2, 2)); s.gather(0, k * 0); row.gather(0, i); row.gather(0, z)
        x.T.gather(0, grid.T)
        x.gather(1, torch.zeros((2, 0), dtype=torch.int64)); e.gather(0, torch.zeros((0, 2), dtype=torch.int64))
        row.gather(0, k)
        x.gather(1, dup); s.gather(0, k[None] * 0); x.gather(1, grid.int())
    """,
    "scatter_add": """
        torch.scatter_add(x, 0, grid, y); x.scatter_add(1, dup, y[:, :2]); x.scatter_add(-1, grid, y)
        x.scatter_add(0, grid[:, :2], y.detach())
        row.scatter_add(0, i, y[0, :2]); s.scatter_add(0, k * 0, r); x.T.scatter_add(0, grid.T, y.T)
        x.scatter_add(0, grid[:, :0], y.detach())
        x.scatter_add(1, grid[:1], y.detach()); c.scatter_add(1, k.reshape(1, 1, 1).expand(2, 4, 2), d[1:])
        row.scatter_add(0, z, row.detach())
        a.scatter_add(1, dup, q); x.scatter_add(1, torch.zeros((2, 5), dtype=torch.int64), c.reshape(4, 6)[:2, 1:])
    """,
    "index_select": """
        torch.index_select(c, 0, i); c.index_select(1, j); c.index_select(-1, z); c.index_select(1, i.int())
        c.index_select(0, k)
        c.index_select(0, dup[0]); s.index_select(0, k * 0); x.T.index_select(0, i); e.index_select(1, i)
        row.index_select(0, i)
    """,
    "masked_fill": """
        torch.masked_fill(x, b, 0.5); x.masked_fill(b[:1], -float("inf")); x.masked_fill(b, s)
        x.masked_fill(torch.tensor(True), 2)
        x.T.masked_fill(b.T, 1); e.masked_fill(b[0], 1); s.masked_fill(k > 0, r); a.masked_fill(b, 7); x.masked_fill(b, k)
        x.masked_fill(b, a[0, 0])
        row.masked_fill(b, 1.0); col.masked_fill(b, s); a.masked_fill(b, 2.5); a.masked_fill(b, s.detach())
    """,
    "take_along_dim": """
        torch.take_along_dim(x, grid, 1); x.take_along_dim(grid, dim=0); x.take_along_dim(i)
        x.take_along_dim(grid[:, :1], -1)
        row[None].take_along_dim(grid, 1); x.take_along_dim(dup, 1); x.T.take_along_dim(grid.T, 0)
        x.take_along_dim(grid[:1], 1)
    """,
    "embedding": """
        F.embedding(i, w); F.embedding(dup, w); F.embedding(k, w); F.embedding(z, w); F.embedding(dup, w, padding_idx=0)
        F.embedding(dup, w, padding_idx=-5); F.embedding(dup, w, 2); F.embedding(i.int(), w)
        F.embedding(dup.T, x.T, padding_idx=-1)
        F.embedding(grid, w[:, :0]); F.embedding(grid, w[::2]); F.embedding(z.reshape(0, 3), w)
    """,
}  # fmt: skip

INDICES = """
    0; -1; 2; 1:; ::2; :; -2:; :-1; 5:; 2:1; -9:9; 1:3, ::3; :, 1:3; ..., 0; ...; (); None; :, None; ..., None
    None, 0, ..., None
    0, 1, 1; 0, 1; -1, -1; :, :, 1; 0, ...; ..., 1:, :; None, None; 0, None, 1; :, 0, None
    True; False; 0, True; None, True; :, False; m3; m4[:3]; :, m4; m; m[:, :, 0]; m3, 0; 0, m4; m3, :, None; ..., m[0, 0]
    m3, :, 1
    m3 & False; :, m[0]; 0, m[0]; [True, False, True]; m3, [1, 3]; m3, ..., 0; m.numpy(); m3, 1:, 0
    i; i, :; :, j; i, j; i, :, j[:1] * 0; :, j, i * 0; 0, :, k[None] * 0; 0, j; i, 1; i, 1, 0; :, 1, i // 2; i, None, j
    None, i; i, ..., 1
    1, i, i // 2; i, 1:, 0; i, :, 0; 0, :, i // 2; i[:, None], j; i[:, None], j, 0; i[:, None], j, None; :, i[:, None], k; k
    :, k; k, j
    k, k, k; k:; :k; k, m4; -i; i.int(); z; z, j[:0]; :, z; [0, 2]; [0, 2], 1; [0, 2], [1, 3]; [[0], [2]], [1, 3]; []
    [-1, 0]; (0, 1); i.numpy(); :, i.tolist(); range(2); np.int64(1); np.arange(2), 1; i, m4; i.reshape(1, 2, 1) // 2
    i, slice(1, 3), None
    i[:, None] * 0, :, k; [0, 2], :, [0, 1]; i, 0, :; None, i, 0, j // 3; i, None, None, j; :, :, i // 2; ..., i // 2
    1:, j, ...
"""

READS = """
    s[()]; s[None]; s[...]; s[True]; s[False]; s[k > 0]; e[:, 1]; e[z]; e[None]; row[k]; row[dup]; x.T[0]; x.T[i]
    x[:, ::2][b[:, :2]]; row[dup[0]]; none[z]; none[:0]; x[b][i[1]]; x[x > 0]; x[i - 1, [0, 0]]
    x[torch.tensor([[True, False, True], [False, False, True]])]; w[dup, dup // 2]; w[dup]; row[e[:, 0].long()]
"""

WRITES = """
    h = x * 1; h[0] = row; h
    h = x * 1; h[:, 0] = col[:, 0]; h
    h = x * 1; h[:] = s; h
    h = x * 1; h[...] = col; h
    h = x * 1; h[b] = s; h
    h = x * 1; h[b] = c.reshape(-1)[:3]; h
    h = x * 1; h[h > 0] = 0; h
    h = x * 1; h[0, 0] = r; h[0, 0] = s; h
    h = x * 1; h[None] = y; h
    h = x * 1; h[0] = y[:1]; h
    h = x * 1; h[0] = o[..., 0]; h
    h = x * 1; h[0, 0] = col[:1]; h
    h = x * 1; h[0] = 3; h
    h = x * 1; h[0, 1] = True; h
    h = x * 1; h[0] = a[1]; h
    h = x * 1; h[0] = row.float(); h
    h = a * 1; h[0] = 2.7; h
    h = a * 1; h[0] = row; h
    h = b & b; h[0] = 2; h
    h = x * 1; h.T[0] = col[:, 0]; h
    h = x * 1; h[0][1:] = s; h
    h = x * 1; v = h[1]; h[0] = v; h, v
    h = x * 1; v = h[:, 1]; v[:] = s; h * v[:, None]
    h = x * 1; h[:, ::2][1] = row[:2]; h
    h = x * 1; h[i - 1] = y; h
    h = x * 1; h[[1, 0], [0, 2]] = col[:, 0]; h
    h = x * 1; h[0] = h[1]; h
    h = x * 1; h[0] += row; h
    h = x * 1; h[b] *= s; h
    h = x * 1; h[:, i] -= col; h
    h = s * 1; h[()] = r; h
    h = s * 1; h[...] = 2; h
    h = s * 1; h[None] = row[:1]; h
    h = e * 1; h[:] = row; h
    h = x * 1; h[:0] = row; h
    h = x * 1; h[z] = row; h
    h = x * 1; h[b & ~b] = s; h
    h = torch.zeros(2, 3, dtype=torch.float64); h[1] = row; h[:, 0] = s; h
    h = torch.zeros(3, dtype=torch.float64); h[k] = s; h[k + 1] = h[k].clone() * r; h
    h = x * 1; y0 = h.exp(); h[0] = row; y0 + h
    h = x * 1; y0 = h + 1; h[0] = row; y0 * h
"""

"""Programs with bad arguments, as in op_table.py: both libraries fail."""

from __future__ import annotations

# ---- with errors of one type

BAD = """
    x + y.T; x * c; torch.add(x, "a"); x + "a"; x + None; x + [1, 2, 3]; torch.add(x); torch.add(a, 1, alpha=1.5); ~x
    torch.exp("a")
    torch.exp([1.0]); torch.clamp(x); torch.where(b, x); torch.where(b, x, y.T); torch.maximum(x, y.T); a ** -1; a // 0; a % 0
    torch.div(x, y, rounding_mode="up"); torch.floor_divide(a, a * 0); torch.remainder(a, k - 1); x < "a"; x < y.T; x < None
    torch.square("a")
    x.reshape(4); x.reshape(-1, -1); x.reshape(-1, 4); x.reshape(-2, 3); e.reshape(-1, 0); x.reshape(2.0, 3); x.reshape("a")
    x.T.view(6)
    c.transpose(0, 1).view(12, 2); x.view(5); x.view(-1, 4); x.transpose(0, 2); x.transpose(0); x.transpose(-3, 0)
    s.transpose(0, 1)
    x.permute(0); x.permute(0, 0); x.permute(0, 2); x.permute(0, 1, 2); x.permute(-1, 1); x.squeeze(2); x.squeeze((0, 0))
    x.unsqueeze(3)
    x.unsqueeze(-4); x.unsqueeze(); x.expand(3); x.expand(3, 3); x.expand(-1, 2, 3); x.expand(2, 3, 4); row.expand(-1, 3)
    row.expand(2, -2)
    torch.broadcast_to(x, (3,)); torch.broadcast_to(x, (3, 3)); c.flatten(2, 1); c.flatten(3); c.t(); x.unflatten(1, (2, 2))
    x.unflatten(2, (1,))
    torch.cat([]); torch.cat([x, row]); torch.cat([x, y.T]); torch.cat([x, y], 2); torch.cat(x); torch.cat([s, s])
    torch.cat([x, 2]); torch.cat(x, y)
    torch.stack([]); torch.stack([x, row]); torch.stack([x, y], 3); torch.stack([x, 1]); torch.stack(2)
    torch.broadcast_tensors(x, y.T)
    x.split(-1); x.split(0); x.split([1, 2]); x.split([3, -1]); x.split(1, 2); s.split(1); x.chunk(0); x.chunk(-1)
    x.chunk(1, 2); s.chunk(1)
    s.unbind(); x.unbind(2); x.split("a"); x.select(0, 2); x.select(2, 0); s.select(0, 0); x.select(0, -3); x.chunk(1.5)
    x[2]; x[-3]; x[0, 3]; x[0, 0, 0]; x[:, :, :]; x[1.0]; s[0]; s[:]; x[row]; x[i]; x[[0, 5]]; x[[-3]]; c[0, 5, i]
    c[3, :, i // 2]
    x[m3]; x[:, m4]; x[b, 0]; x[b.T]; x[[0, 1], [0, 1, 2]]; x[x]; x[0:"a"]; x[1.0:]; x[i, i, i]; e[0]; e[[0]]; none[k]; s[k]
    x[{}]
    x.gather(2, grid); x.gather(0, x); x.gather(0, i); x.gather(1, grid.T); x.gather(0, 0)
    x.gather(0, torch.zeros((2, 4), dtype=torch.int64))
    x.scatter_add(0, grid, y[:, :2]); x.scatter_add(0, i, y); x.scatter_add(0, grid, y.float()); x.scatter_add(0, grid, 1.0)
    x.scatter_add(0, x, y); x.scatter_add(2, grid, y); x.scatter_add(1, grid.T, y.T); c.index_select(0, i + 2)
    c.index_select(0, grid)
    c.index_select(3, i); c.index_select(0, row); c.index_select(0, 1); c.index_select(0, -i); x.masked_fill(a, 1)
    x.masked_fill(b.T, 1)
    x.masked_fill(b, row); x.masked_fill(b, "a"); x.masked_fill(b, None); x.masked_fill([True], 1); x.take_along_dim(i, 0)
    x.take_along_dim(grid, 2); x.take_along_dim(x, 1); x.take_along_dim(grid[:, :2], 0); F.embedding(i + 5, w)
    F.embedding(-i, w)
    F.embedding(x, w); F.embedding(i, row); F.embedding(i, c); F.embedding(i, w, padding_idx=5)
    F.embedding(i, w, padding_idx=-6)
    F.embedding(b, w); F.embedding(2, w); F.embedding(i, 2); x.to("nowhere"); x.to(foo=1); torch.tanh(); torch.tanh(x, y)
    x.tanh(1); x.foo
    torch.foo; torch.where(a, x, y)
"""

BAD_OF_ANOTHER_TYPE = """
    b - b; b - True; -b; torch.sub(b, b); x & x; a & x; a & 1.5; x | a; x ^ a; torch.bitwise_not(x); x.clamp("a"); x["a"]
    x[::0]; x.view()
    x.gather(0, grid + 2); x.gather(0, -grid); x.scatter_add(0, grid + 2, y); x.type("nothing")
"""

BAD_STEPS = """
    h = x * 1; h[2] = 1
    h = x * 1; h[0] = col
    h = x * 1; h[0] = y
    h = x * 1; h[b] = row[:2]
    h = x * 1; h[[0, 5]] = 1
    h = x * 1; h[0] = "a"
    h = x * 1; h[0] = None
    h = x * 1; h[m3] = 1
    h = x * 1; h[0, 0, 0] = 1
    h = x * 1; h[0, 0] = row
    h = x * 1; h[x] = 1
    h = c * 1; h[0, 5, i] = 1
    h = x * 1; h += c
    h = x * 1; h.add_("a")
    h = row * 1; h.add_(x)
    h = a * 1; h.exp_()
    h = a * 1; h /= q
    h = a * 1; h.add_(1.5)
    h = x * 1; h.masked_fill_(b.T, 1)
    x[0] = 1
    x.add_(1)
    x[0].mul_(2)
    h = x[0].expand(4, 3); h[0] = 1
    h = x.exp(); g = h * h; h[0] = 1; g.sum().backward()
"""

# %% [markdown]
"""
# 2. A graph: what is used twice gets two gradients

    c = a + b        d = b + 1        e = c · d

b is used twice. The chain rule over several paths is a sum: for each path from b to e multiply the local derivatives along
it, and add the paths up.

    de/db = de/dc · dc/db + de/dd · dd/db = d · 1 + c · 1

(The example is that of Olah 2015, "Calculus on computational graphs".)
"""

# %%
import minigrad as torch
from experiments.path.picture import picture
from minigrad import draw

a = torch.tensor(2.0, requires_grad=True)
b = torch.tensor(1.0, requires_grad=True)
c = a + b
d = b + 1
e = c * d

# %% [markdown]
"""
While the values are computed the graph is recorded: each result knows by which operation and from what it was made.
`backward()` goes over it once, from e, youngest operation first. An operation's turn comes when all that used its result
has had its own, so that the gradient it hands on is complete: a sum over all paths, though no path is ever listed.
"""

# %%
for tensor in (c, d):
    tensor.retain_grad()  # by default only leaves keep theirs
names = {"a": a, "b": b, "c": c, "d": d, "e": e}
drawing = draw.graph(e, names)
e.backward()
assert [float(t.grad) for t in (c, d, a, b) if t.grad is not None] == [2.0, 3.0, 2.0, 5.0]

# %% [markdown]
"""
## Why one sweep, and not path after path

Put n diamonds behind each other, h ← h + h. There are 2ⁿ paths from the result to the start, and n operations. With n = 60
the derivative, the number of paths, is 1152921504606846976; a sweep over 60 operations finds it. An RNN has as many paths
through its weights, and BPTT is that sweep.
"""

# %%
start = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
h = start
for _ in range(60):
    h = h + h
h.backward()
assert start.grad == 2**60 == 1152921504606846976

# %% [markdown]
"""
Gradients of several backward passes add up in `.grad` for the same reason: another loss is another set of paths. Hence
`optimizer.zero_grad()` before each step.

## What to look for

Black: values, computed along the arrows. Vermilion: gradients, against them. At c and d: de/dc is the value of d, and the
other way round. At b: 5 = 2 + 3, what came back along its two arrows. The graph comes from `draw.graph(e, …)`, which in a
notebook is a picture by itself.
"""

# %%
places = {"a": (0, 1), "b": (0, 0), "c": (1, 1), "d": (1, 0), "e": (2, 0.5)}
keys = [box.names[0] if box.names else box.title for box in drawing.boxes]
along = {("c", "e"): d, ("d", "e"): c}  # the local derivative; that of + is 1
formulas = {"c": "c = a + b$\n$", "d": "d = b + 1$\n$", "e": "e = c\\,d$\n$"}
assert sorted(keys) == sorted(places)
gradients = {"e": 1.0} | {name: float(t.grad) for name, t in names.items() if t is not e and t.grad is not None}

with picture("p02_graph", width=9, height=4.2, panels=(1,)) as ax:
    for arrow in drawing.arrows:
        tail, head = keys[arrow.tail], keys[arrow.head]
        (x0, y0), (x1, y1) = places[tail], places[head]
        ax.annotate("", (x1, y1), (x0, y0), arrowprops={"arrowstyle": "-|>", "color": "black", "shrinkA": 38, "shrinkB": 40})
        flowing = gradients[head] * float(along.get((tail, head), 1.0))
        text = f"{gradients[head]:g} · {float(along.get((tail, head), 1.0)):g} = {flowing:g}"
        at = (0.45 * x0 + 0.55 * x1, 0.45 * y0 + 0.55 * y1)
        ax.text(*at, text, color="#D55E00", ha="center", va="center", backgroundcolor="white", fontsize=11)
    for name, (px, py) in places.items():
        shape = {"boxstyle": "round,pad=0.5", "facecolor": "#EAF3FA", "edgecolor": "#0072B2"}
        value = f"${formulas.get(name, '')}{name} = {float(names[name]):g}$"
        ax.text(px, py + 0.03, value, ha="center", va="center", fontsize=13, bbox=shape)
        gradient = rf"$\mathrm{{d}}e/\mathrm{{d}}{name} = {gradients[name]:g}$"
        ax.text(px, py - 0.24, gradient, color="#D55E00", ha="center", fontsize=13)
    ax.set(xlim=(-0.4, 2.4), ylim=(-0.4, 1.3), title="Values flow with the arrows, gradients against them and add up")
    ax.axis("off")

# %% [markdown]
"""
## Exercises

A graph as a table: `edges[node]` lists (input, local derivative) for each input of the node; leaves have no entry.

1. `sweep(result, edges) -> dict[str, float]`: the derivative of `result` by every node, in one sweep: handle each node
   once, and none before all that uses it.
2. `paths(start, result, edges) -> int`: how many paths lead from `start` to `result`. (A sweep finds this too. With what
   local derivatives?)
"""

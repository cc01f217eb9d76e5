"""Drawings of graphs: what they show against the graph itself, norms against retain_grad, the layout against its promises."""

import math
import re
from collections import Counter
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, strategies as st

import layers
import minigrad
from minigrad import autograd, draw
from minigrad.draw.colours import Scale, ink
from minigrad.draw.layout import _ascending, arrange
from minigrad.graph import Leaf, producer

SVG = "{http://www.w3.org/2000/svg}"


def leaf(*shape, seed=0):
    return minigrad.tensor(np.random.default_rng(seed).uniform(-1, 1, shape)).requires_grad_()


def perceptron():
    x, names = leaf(5, 4, seed=1).detach(), {"W": leaf(3, 4), "b": leaf(3), "v": leaf(3, seed=2)}
    names["h"] = minigrad.tanh(x @ names["W"].T + names["b"])
    return (names["h"] @ names["v"]).square().mean(), names


def unrolled(T):
    torch = minigrad
    W, h = leaf(4, 4), leaf(2, 4, seed=1)
    names = {"W": W, "h_0": h}
    for t in range(T):
        h = torch.tanh(h @ W)
        names[f"h_{t + 1}"] = h
    return (h * h).sum(), names


def nodes_behind(*tensors):
    """The graph by another way than the drawing's: depth first over the edges."""
    found, stack = set(), [producer(t.source)[0] for t in tensors]
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            stack += [producer(e[0])[0] for e in node.edges or () if not isinstance(e[0], Leaf)]
    return found


def parse_dot(text):
    labels = dict(re.findall(r'^  (n\d+) \[label="((?:[^"\\]|\\.)*)"', text, re.MULTILINE))
    return labels, re.findall(r"^  (n\d+) -> (n\d+)", text, re.MULTILINE)


def box(picture, title):
    return next(b for b in picture.boxes if b.title == title or title in b.names)


# ---- what is shown


def test_structure():
    loss, names = perceptron()
    picture = draw.graph(loss, names)
    nodes = nodes_behind(loss)
    assert Counter(b.title for b in picture.boxes) == Counter(n.op.name for n in nodes) + Counter("Wbv")
    assert len(picture.arrows) == sum(len(n.edges) for n in nodes)
    assert [b.title for b in picture.boxes if b.is_output] == ["mean"]
    assert box(picture, "W").values == ("(3, 4) float64",)
    assert box(picture, "h") == box(picture, "tanh")
    assert box(picture, "tanh").values == ("(5, 3) float64",)
    assert all(a.tail < a.head for a in picture.arrows)
    into = [a.tail for a in picture.arrows if picture.boxes[a.head].title == "add"]
    assert {picture.boxes[i].title for i in into} == {"matmul", "b"}
    assert "boxes" in repr(picture)


def test_dot_and_svg_show_the_same():
    picture = draw.graph(*perceptron())
    labels, arrows = parse_dot(picture.dot)
    assert [label.split("\\n")[0].split(" →")[0] for label in labels.values()] == [b.title for b in picture.boxes]
    assert arrows == [(f"n{a.tail}", f"n{a.head}") for a in picture.arrows]
    root = ElementTree.fromstring(picture.svg)
    groups = [g for g in root.iter(f"{SVG}g") if g.get("class") in ("op", "leaf")]
    assert [g.get("class") == "leaf" for g in groups] == [b.is_leaf for b in picture.boxes]
    assert [g.find(f"{SVG}text").text.split(" →")[0] for g in groups] == [b.title for b in picture.boxes]
    assert len(root.findall(f"{SVG}path")) == len(arrows)
    assert picture._repr_svg_() == picture.svg
    assert "href" not in picture.svg
    assert "rankdir=LR" in draw.graph(*perceptron(), direction="right").dot


def test_names_from_a_module():
    net = layers.Sequential(layers.Linear(4, 3), layers.Tanh(), layers.Linear(3, 1))
    picture = draw.graph(net(minigrad.randn(2, 4)).sum(), net)
    assert {b.title for b in picture.boxes if b.is_leaf} == {"0.weight", "0.bias", "2.weight", "2.bias"}
    assert {b.title for b in draw.graph(net(minigrad.randn(2, 4)).sum()).boxes if b.is_leaf} == {"x"}


@pytest.mark.parametrize("name", ['say "hi"\\n', "<β & γ>", "权重 ∂", "two\nlines", "\x00\x1b", "n" * 100, ""])
def test_names_of_all_kinds(name):
    x = leaf(2)
    picture = draw.graph((x * x).sum(), {name: x})
    root = ElementTree.fromstring(picture.svg)
    labels, arrows = parse_dot(picture.dot)
    assert len(labels) == 3 and len(arrows) == 3
    if len(name) < 40 and name.isprintable():
        written = next(g for g in root.iter(f"{SVG}g") if g.get("class") == "leaf").find(f"{SVG}text").text
        assert (written or "") == name
        assert labels["n0"].split("\\n(")[0].replace('\\"', '"').replace("\\\\", "\\") == name


# ---- norms


def test_norms_are_those_of_retain_grad():
    loss, names = perceptron()
    picture = draw.graph(loss, names)
    names["h"].retain_grad()
    loss.backward()
    for name in names:
        assert box(picture, name).norm == pytest.approx(np.linalg.norm(names[name].grad.numpy()), rel=1e-14)
    assert box(picture, "mean").norm == 1
    assert f"‖∇‖ {box(picture, 'h').norm:.2g}" in picture.svg


def test_an_unrolled_network_shows_what_every_step_adds():
    loss, names = unrolled(20)
    picture = draw.graph(loss, names)
    clones, h = [], names["h_0"]
    for _ in range(20):
        clones.append(names["W"].detach().clone().requires_grad_())
        h = minigrad.tanh(h @ clones[-1])
    parts = [np.linalg.norm(g.numpy()) for g in autograd.grad((h * h).sum(), clones)]
    (total,) = autograd.grad(loss, names["W"], retain_graph=True)
    drawn = [b for b in picture.boxes if b.title == "W"]
    np.testing.assert_allclose([b.part for b in drawn], parts, rtol=1e-12)
    np.testing.assert_allclose([b.norm for b in drawn], np.linalg.norm(total.numpy()), rtol=1e-12)
    assert len(picture.notes) == 1 and "here" in picture.svg


def test_parts_of_a_broadcast_leaf_and_of_a_table():
    b, table = leaf(3), leaf(6, 3)
    y = sum(minigrad.sin(table[[k, 0]] + b) for k in range(5))
    drawn = draw.graph(y.sum(), {"b": b, "E": table}).boxes
    for name, x in (("b", b), ("E", table)):
        parts = [autograd.grad(minigrad.sin(table[[k, 0]] + b).sum(), x)[0].norm().item() for k in range(5)]
        np.testing.assert_allclose([d.part for d in drawn if d.title == name], parts, rtol=1e-12)


def test_nothing_is_touched():
    loss, names = perceptron()
    names["h"].retain_grad()
    seen = []
    names["h"].register_hook(lambda g: seen.append(g) or g * 3)
    plain = draw.graph(*perceptron())
    picture = draw.graph(loss, names)
    assert all(t.grad is None for t in names.values())
    assert box(picture, "h").norm == pytest.approx(3 * box(plain, "h").norm)
    assert len(seen) == 1
    assert autograd.is_grad_enabled()
    loss.backward()
    assert box(picture, "W").norm == pytest.approx(names["W"].grad.norm().item())
    assert names["h"].grad is not None


def test_norms_beyond_the_range_of_squares():
    x = minigrad.tensor([3e-200, 4e-200], requires_grad=True, dtype=minigrad.float64)
    picture = draw.graph(x * 2, {"x": x}, grad_outputs=x.detach())
    assert box(picture, "x").norm == pytest.approx(1e-199)
    for bad, text in ((math.nan, "nan"), (math.inf, "inf"), (0.0, "0")):
        picture = draw.graph((x * bad).sum(), {"x": x})
        assert f"‖∇‖ {text}" in picture.dot
        ElementTree.fromstring(picture.svg)


def test_without_gradients():
    picture = draw.graph(leaf(2, 2) * 2, gradients=False)
    assert all(b.norm is None for b in picture.boxes)
    assert "∇" not in picture.svg + picture.dot


# ---- graphs of all kinds


def test_several_outputs():
    x = leaf(3, 4)
    values, _ = (x * x).max(1)
    first, second = x.exp().split(2, 1)
    picture = draw.graph([values.sum(), (first * second).sum()], {"x": x})
    assert sum(b.is_output for b in picture.boxes) == 2
    labels = [a.label for a in picture.arrows if picture.boxes[a.tail].title == "split"]
    assert sorted(labels) == ["[0]", "[1]"]
    assert box(picture, "split").values == ("(3, 2) float64",) * 2
    for part in (first, second):
        part.retain_grad()
    autograd.backward([values.sum(), (first * second).sum()])
    expected = math.hypot(first.grad.norm().item(), second.grad.norm().item())
    assert box(picture, "split").norm == pytest.approx(expected)
    assert box(picture, "x").norm == pytest.approx(x.grad.norm().item())


def test_views_and_writes():
    x = leaf(3, 4)
    y = x * 2
    y[0] = x[1].exp()
    y.view(-1)[3:6].mul_(2)
    picture = draw.graph(y.sum(), {"x": x})
    assert {"put", "write_back"} <= {b.title for b in picture.boxes}
    y.sum().backward()
    assert box(picture, "x").norm == pytest.approx(x.grad.norm().item())


class Twice(autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 2 * x

    @staticmethod
    def backward(ctx, dy):
        return 2 * dy


def test_a_function_of_the_users():
    x = leaf(3)
    picture = draw.graph(Twice.apply(x).sum(), {"x": x})
    assert box(picture, "Twice").norm == pytest.approx(math.sqrt(3))
    assert box(picture, "x").norm == pytest.approx(2 * math.sqrt(3))


def test_a_leaf_alone():
    x = leaf()
    picture = draw.graph(x, {"x": x})
    assert [(b.title, b.norm, b.is_output) for b in picture.boxes] == [("x", 1, True)]
    ElementTree.fromstring(picture.svg)


def test_a_freed_graph():
    loss, names = perceptron()
    loss.backward()
    picture = draw.graph(loss, names)
    assert any(b.is_freed for b in picture.boxes)
    assert all(b.norm is None for b in picture.boxes)
    assert "retain_graph=True" in picture.svg and "retain_graph=True" in picture.dot
    ElementTree.fromstring(picture.svg)


def test_no_reference_cycles(uncollected):
    picture = draw.graph(*unrolled(5))
    assert picture.svg and picture.dot


def test_a_recorded_gradient_can_be_drawn():
    x = leaf(3)
    (g,) = autograd.grad((x**3).sum(), x, create_graph=True)
    assert box(draw.graph(g.sum(), {"x": x}), "x").norm == pytest.approx(6 * x.norm().item())


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (lambda: (leaf(2).detach(),), RuntimeError, "no graph to draw"),
        (lambda: (leaf(2) * 2,), RuntimeError, "scalar outputs"),
        (lambda: (unrolled(200)[0],), ValueError, r"603 boxes.*max_nodes=400"),
    ],
)
def test_errors(arguments, error, match):
    with pytest.raises(error, match=match):
        draw.graph(*arguments())


def test_unknown_direction_and_file(tmp_path):
    loss, _ = perceptron()
    with pytest.raises(ValueError, match="'down', 'right'"):
        draw.graph(loss, direction="TB")
    with pytest.raises(ValueError, match=r"'graph\.png'"):
        draw.graph(loss).save(tmp_path / "graph.png")


def test_save(tmp_path):
    picture = draw.graph(*perceptron())
    for name, text in (("a.svg", picture.svg), ("a.dot", picture.dot), ("b.gv", picture.dot)):
        assert picture.save(str(tmp_path / name)).read_text(encoding="utf-8") == text
    assert len(list(tmp_path.iterdir())) == 3


# ---- layout and colours


@pytest.mark.parametrize("direction", ["down", "right"])
def test_boxes_do_not_overlap(direction):
    root = ElementTree.fromstring(draw.graph(*unrolled(20), direction=direction).svg)
    rects = [g.find(f"{SVG}rect") for g in root.iter(f"{SVG}g") if g.get("class") in ("op", "leaf")]
    frames = [[float(r.get(k)) for k in ("x", "y", "width", "height")] for r in rects]
    for i, (x, y, w, h) in enumerate(frames):
        assert x >= 0 and y >= 0
        assert x + w <= float(root.get("width")) and y + h <= float(root.get("height"))
        for u, v, p, q in frames[:i]:
            assert x + w <= u or u + p <= x or y + h <= v or v + q <= y


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(0.5, 4)), min_size=1, max_size=9))
def test_the_nearest_ascending_positions(pairs):
    wishes, weights = zip(*pairs)
    expected = scipy.optimize.isotonic_regression(wishes, weights=weights).x
    np.testing.assert_allclose(_ascending(wishes, weights), expected, atol=1e-9)


@given(st.data())
def test_layers_follow_the_arrows(data):
    n = data.draw(st.integers(1, 12))
    pairs = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] < p[1])
    arrows = data.draw(st.lists(pairs, max_size=20)) if n > 1 else []
    layout = arrange([(10.0, 20.0)] * n, arrows, 5.0)
    for (tail, head), route in zip(arrows, layout.routes):
        assert route[0] == layout.centres[tail] and route[-1] == layout.centres[head]
        assert all(a[0] + 14 < b[0] for a, b in pairwise(route))
    for i, (along, across) in enumerate(layout.centres):
        assert all(a != along or abs(x - across) >= 39.9 for a, x in layout.centres[:i])


def test_a_tree_is_drawn_without_crossings():
    n = 31
    arrows = [(n - 1 - k, n - 1 - (k - 1) // 2) for k in range(n - 1, 0, -1)]
    layout = arrange([(10.0, 20.0)] * n, np.random.default_rng(0).permutation(arrows).tolist(), 5.0)
    ends = sorted((r[0][0], r[0][1], r[-1][1]) for r in layout.routes)
    for (a, x, u), (b, y, v) in pairwise(ends):
        assert a != b or (x <= y and u <= v)


def test_the_scale_gets_darker_and_stays_legible():
    scale = Scale([1e-6, 1.0, 30.0])
    assert (scale.low, scale.high) == (-6, 2)
    shades = [scale.fill(10.0**e) for e in np.linspace(-6, 2, 50)]
    light = [luminance(s) for s in shades]
    assert light == sorted(light, reverse=True)
    for shade in shades:
        a, b = sorted((luminance(shade), luminance(ink(shade))))
        assert (b + 0.05) / (a + 0.05) >= 4.0


def luminance(colour):
    c = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return float(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])

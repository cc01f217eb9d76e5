"""The pictures of sequence-to-sequence models, drawn from made-up arrays."""

import io

import matplotlib.image
import numpy as np
import pytest
from scipy.stats import binomtest

from experiments.lab.figures import house_style, rendered
from experiments.language.pair_figures import (
    alignment_figure,
    curves_figure,
    gradient_map_figure,
    length_figure,
    score_series,
    share_series,
)

KOREAN = ["⟨s⟩", "저는", "책을", "읽었어요", ".", "⟨/s⟩"]
ENGLISH = ["I", "read", "the", "$book$", ".", "⟨/s⟩"]


def weights(T, S):
    random = np.random.default_rng(T * S).random((T, S))
    return random / random.sum(axis=1, keepdims=True)


def drawn(figure):
    """The picture's pixels: drawing warns of nothing, and shows something."""
    picture = matplotlib.image.imread(io.BytesIO(rendered(figure, "png")))
    assert np.ptp(picture) > 0.5
    return picture


def texts(labels):
    return [label.get_text() for label in labels]


@pytest.mark.parametrize("count", [1, 2, 4, 5])
def test_an_alignment_for_each_sentence(count):
    with house_style():
        figure = alignment_figure([weights(6, 6)] * count, [KOREAN] * count, [ENGLISH] * count)
        drawn(figure)
        shown = [axes for axes in figure.axes if axes.get_visible() and axes.get_xlabel()]
        assert len(shown) == count
        for axes in shown:
            assert texts(axes.get_yticklabels()) == ENGLISH
            assert len(axes.get_xticklabels()) == len(KOREAN)
            np.testing.assert_array_equal(axes.collections[0].get_array().reshape(6, 6), weights(6, 6))
            assert axes.get_ylim() == (6, 0)  # the first token on top


def test_alignments_of_many_lengths():
    dates = list("september 27, 1994           "), list("1/1/70")
    with house_style():
        figure = alignment_figure([weights(10, 29), weights(10, 6)], dates, [list("1994-09-27"), list("1970-01-01")])
        drawn(figure)
        assert texts(figure.axes[0].get_xticklabels())[9] == "␣"
        drawn(alignment_figure([weights(1, 1)], [["a"]], [["b"]]))
        drawn(alignment_figure([weights(70, 80)], [["a"] * 80], [["b"] * 70]))
        endless = alignment_figure([weights(300, 5)] * 2, [list("abcde")] * 2, [["b"] * 300] * 2)
        assert drawn(endless).shape[0] < 160 * 12  # pixels, of 12 inches
        drawn(alignment_figure([weights(2, 2)], [["😀", "日本"]], [["", " "]], ["a $title"]))


def test_alignments_that_do_not_fit():
    with pytest.raises(ValueError, match=r"\[\(6, 6\)\], but got \[\(5, 6\)\]"):
        alignment_figure([weights(5, 6)], [KOREAN], [ENGLISH])
    with pytest.raises(ValueError, match="but got"):
        alignment_figure([], [], [])


@pytest.mark.parametrize(("right", "count"), [(0, 5), (5, 5), (3, 10), (120, 200), (1, 1)])
def test_wilsons_interval(right, count):
    found = share_series(np.array([right / count]), np.array([count]))
    expected = binomtest(right, count).proportion_ci(0.95, "wilson")
    assert found.value[0] == pytest.approx(100 * right / count)
    assert found.low[0] == pytest.approx(100 * expected.low, abs=1e-4)
    assert found.high[0] == pytest.approx(100 * expected.high, abs=1e-4)


def test_scores_by_length():
    ends, counts = np.array([4, 5, 9]), np.array([20, 30, 10])
    exact = {"attention": share_series(np.array([1, 0.9, 0.8]), counts), "plain": share_series(np.array([0.9, 0.5, 0]), counts)}
    bleu = {name: score_series(np.array([99.0, 40, 1]), np.array([3.0, 3, 3])) for name in exact}
    assert bleu["plain"].low.tolist() == [96, 37, 0] and bleu["plain"].high.tolist() == [100, 43, 4]
    with house_style():
        figure = length_figure(ends, counts, {"exact (%)": exact, "BLEU": bleu}, 2)
        drawn(figure)
        below = [axes for axes in figure.axes if axes.get_ylabel() == "sources"]
        assert [texts(axes.get_xticklabels()) for axes in below] == [["2–4", "5", "6–9"]] * 2
        assert texts(below[0].texts) == ["20", "30", "10"]
        assert texts(figure.legends[0].get_texts()) == ["attention", "plain"]
        drawn(length_figure(ends[:1], counts[:1], {"exact (%)": {"one": share_series(np.array([0.5]), counts[:1])}}))


def test_gradient_maps_share_their_colours():
    with_, without = 10.0 ** -np.arange(12).reshape(3, 4), np.full((3, 4), 1e-3)
    without[0, 0] = 0
    with house_style():
        figure = gradient_map_figure({"without attention": without, "with attention": with_})
        drawn(figure)
        images = [axes.images[0] for axes in figure.axes if axes.images]
        assert len(images) == 2
        assert {image.get_clim() for image in images} == {(-8, 0)}  # eight decades of the eleven
        np.testing.assert_allclose(images[1].get_array(), -np.arange(12).reshape(3, 4))
        assert images[0].get_array().mask.tolist() == [[True, False, False, False], [False] * 4, [False] * 4]
        assert "hatched" in figure.get_supxlabel()
        assert "hatched" not in gradient_map_figure({"a": with_}).get_supxlabel()
        drawn(gradient_map_figure({"nothing": np.zeros((2, 3))}))
        drawn(gradient_map_figure({"alike": np.ones((1, 40))}))


def test_curves_with_published_points_beside():
    exact = {"plain": np.array([0.0, 1, 3]), "reversed": np.array([2.0, 20, 30])}
    losses = {"plain": np.array([2.0, 1, 0.9]), "reversed": np.array([[2.0, 0.5, 0.2], [2.2, 0.7, 0.4]])}
    with house_style():
        figure = curves_figure(
            {"exact (%)": exact, "loss": losses},
            published={"exact (%)": {"reversed": [(2, 29.0), (3, 40.0)]}},
            source="Saito 2018",
            kept={"plain": 2},
        )
        drawn(figure)
        left, right = figure.axes
        points = [line.get_xydata().tolist() for line in left.lines if line.get_marker() == "*"]
        assert points == [[[2, 29]], [[3, 40]]]
        np.testing.assert_allclose(right.lines[-1].get_ydata(), [2.1, 0.6, 0.3])  # the mean of two seeds
        assert texts(figure.legends[0].get_texts()) == [
            "plain", "reversed", "reversed, 2 seeds", "Saito 2018", "the model kept",
        ]  # fmt: skip
        drawn(curves_figure({"exact (%)": {"plain": np.zeros(1)}}))
        drawn(curves_figure({"loss": {str(n): np.arange(40.0) * n for n in range(8)}}))


def test_curves_can_be_told_apart_without_colour():
    with house_style():
        figure = curves_figure({"loss": {str(n): np.arange(3.0) + n for n in range(6)}})
        styles = {(str(line.get_linestyle()), line.get_marker()) for line in figure.axes[0].lines}
        assert len(styles) == 6

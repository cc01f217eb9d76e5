"""Fonts: Korean where there is a font for it, Latin letters and no warning where there is none."""

import io
import sys
from itertools import pairwise

import matplotlib.image
import pytest

from experiments.data.jamo import decompose, romanized, stand_alone
from experiments.lab import figures, fonts


@pytest.fixture
def without_korean(monkeypatch):
    """A machine whose only font is the one that comes with matplotlib."""
    monkeypatch.setattr(fonts, "KOREAN", ())
    monkeypatch.setitem(sys.modules, "koreanize_matplotlib", None)
    monkeypatch.setattr(fonts, "find_spec", lambda name: None)
    clear()
    yield
    monkeypatch.undo()
    clear()


def clear():
    fonts.families.cache_clear()
    fonts._characters.cache_clear()


def drawn(text):
    """The pixels of a text in the house style; a character that no font has is a warning, and so an error."""
    with figures.house_style():
        figure = figures.new_figure(4, 1)
        figure.text(0.1, 0.4, text, parse_math=False)
        assert figures.rendered(figure, "svg")
        return matplotlib.image.imread(io.BytesIO(figures.rendered(figure, "png")))


def test_without_a_korean_font_it_is_written_in_latin_letters(without_korean):
    assert fonts.families() == ("DejaVu Sans",)
    assert fonts.labels(["저는", "책을", "book 1", "日"]) == ["jeoneun", "chaekeul", "book␣1", "□"]
    assert fonts.romanizes(["a", "저"]) and not fonts.romanizes(["a", "日", "é"])
    drawn(fonts.drawable("저는 日本 책을 😀 ‖∂L/∂h‖ ✓"))


def test_with_one_it_is_korean():
    if len(fonts.families()) == 1:
        pytest.skip("no font with Hangul on this machine")
    assert fonts.labels(["저는", "책을"]) == ["저는", "책을"]
    assert not fonts.romanizes(["저는"])
    syllables = [drawn(text) for text in ("저", "책", "읽")]
    assert all((a != b).any() for a, b in pairwise(syllables))  # not one box for all
    drawn(fonts.drawable("저는 제 책을 ‖∂L/∂h‖ ᄀ ᄒ \u11ab 😀"))


def test_letters_of_a_syllable_stand_alone():
    assert stand_alone(decompose("한글 앉 뛰")) == "ㅎㅏㄴㄱㅡㄹ ㅇㅏㄵ ㄸㅟ"
    assert fonts.drawable("\u1112") in ("ㅎ", "h")


@pytest.mark.parametrize(
    ("korean", "latin"),
    [
        ("한글", "hangeul"),
        ("서울", "seoul"),
        ("부산", "busan"),
        ("빵", "ppang"),
        ("의사", "uisa"),
        ("꽃잎", "kkotip"),
        ("a 1", "a 1"),
    ],
)
def test_romanization_of_syllables(korean, latin):
    assert romanized(korean) == latin


def test_the_users_own_fonts_come_back():
    before = list(matplotlib.rcParams["font.family"])
    drawn("저" if len(fonts.families()) > 1 else "a")
    assert matplotlib.rcParams["font.family"] == before


def test_the_fonts_are_found_without_running_the_package_that_has_one():
    fonts.families()
    assert "koreanize_matplotlib" not in sys.modules

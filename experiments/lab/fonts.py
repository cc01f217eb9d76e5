"""The fonts of the figures, and what to write where they lack a character.

Matplotlib comes with DejaVu Sans, which has no Korean. A font with Hangul comes with macOS and Windows, with most desktops,
with ``apt install fonts-nanum``, and with ``pip install "minigrad[korean]"``. Where there is none, Korean is written in Latin
letters and the figure says so, so that a figure is legible on every machine and drawing it never warns.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.ft2font import FT2Font

from ..data.jamo import romanized, stand_alone

LATIN = "DejaVu Sans"
KOREAN = (
    "Nanum Gothic", "NanumGothic", "Noto Sans KR", "Noto Sans CJK KR", "Noto Sans CJK JP", "Apple SD Gothic Neo", "AppleGothic",
    "Malgun Gothic", "Pretendard", "NanumBarunGothic", "UnDotum", "Baekmuk Dotum", "Source Han Sans KR", "Source Han Sans K",
    "Arial Unicode MS",
)  # fmt: skip
MISSING, BLANK = "□", "␣"
ROMANIZED = "Korean in Latin letters: no font with Hangul was found; install one, or minigrad[korean]"


@cache
def families() -> tuple[str, ...]:
    """The fonts to take a character from, the first that has it: for matplotlib's ``font.family``."""
    korean = _installed() or _packaged()
    return (LATIN, korean) if korean else (LATIN,)


def drawable(text: str) -> str:
    """`text` as the fonts can draw it: letters of Hangul stand alone, Hangul they lack is romanised, else there is a □."""
    return "".join(map(_drawable, text))


def labels(tokens: Iterable[str]) -> list[str]:
    """Tokens as labels: `drawable`, with a mark in place of blanks, which cannot be seen."""
    return [drawable(token).replace(" ", BLANK) for token in tokens]


def romanizes(tokens: Iterable[str]) -> bool:
    """Whether `drawable` writes Korean of these tokens in Latin letters: a figure should then say `ROMANIZED`."""
    return len(families()) == 1 and any(romanized(token) != token for token in tokens)


def _drawable(character: str) -> str:
    choices = (stand_alone(character), romanized(character))
    return next((choice for choice in choices if _characters().issuperset(map(ord, choice))), MISSING)


@cache
def _characters() -> frozenset[int]:
    """The code points that the fonts have."""
    paths = [fontManager.findfont(FontProperties(family=family), fallback_to_default=False) for family in families()]
    return frozenset(code for path in paths for code in FT2Font(path).get_charmap())


def _installed() -> str | None:
    """The first font with Hangul of those that are installed."""
    names = set(fontManager.get_font_names())
    return next((name for name in KOREAN if name in names), None)


def _packaged() -> str | None:
    """The font of the package koreanize-matplotlib, whose code is not run: importing it would change the user's settings."""
    package = find_spec("koreanize_matplotlib")
    if package is None or not package.origin:
        return None
    path = Path(package.origin).with_name("fonts") / "NanumGothic.ttf"
    if not path.is_file():
        return None
    fontManager.addfont(path)
    return FontProperties(fname=path).get_name()

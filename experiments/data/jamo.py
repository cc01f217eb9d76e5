"""Korean syllables and the letters (jamo) they are written with, by the arithmetic of the Unicode Standard, section 3.12.

A syllable block is an initial consonant l, a vowel v and perhaps a final consonant t. All 11,172 are numbered:

    s = 0xAC00 + (l · 21 + v) · 28 + t,    l < 19, v < 21, t < 28, t = 0 where there is no final consonant

한 = ㅎ + ㅏ + ㄴ = 0xAC00 + (18 · 21 + 0) · 28 + 4. The three kinds have letters of their own, from 0x1100, 0x1161 and 0x11A7
on, so an initial ㄱ and a final ㄱ differ and a sequence of them can be read in one way only. The stand-alone letters (ㅋㅋ,
from 0x3131 on) take no part.
"""

from __future__ import annotations

from collections.abc import Iterable

SYLLABLE, INITIAL, VOWEL, FINAL = 0xAC00, 0x1100, 0x1161, 0x11A7
INITIALS, VOWELS, FINALS = 19, 21, 28  # FINALS counts "none", which is FINAL itself


def decompose(text: str) -> str:
    """Every syllable as its two or three letters; all else as it is. What Unicode's form NFD does to Korean."""
    return "".join(map(_letters, text))


def compose(text: str) -> str:
    """Undo `decompose`: letters that make a syllable become it. What Unicode's form NFC does to Korean.

    ``compose(decompose(text)) == compose(text)``, and it is `text` itself if that has no letters that make a syllable.
    """
    found: list[str] = []
    for letter in text:
        whole = _joined(found[-1], letter) if found else None
        if whole is None:
            found.append(letter)
        else:
            found[-1] = whole
    return "".join(found)


def _letters(character: str) -> str:
    s = ord(character) - SYLLABLE
    if not 0 <= s < INITIALS * VOWELS * FINALS:
        return character
    l, v, t = s // (VOWELS * FINALS), s // FINALS % VOWELS, s % FINALS
    return chr(INITIAL + l) + chr(VOWEL + v) + (chr(FINAL + t) if t else "")


def _joined(before: str, letter: str) -> str | None:
    """The syllable that `before` becomes by `letter`, if it becomes one: l + v or (l, v) + t."""
    l, v, t = ord(before) - INITIAL, ord(letter) - VOWEL, ord(letter) - FINAL
    if 0 <= l < INITIALS and 0 <= v < VOWELS:
        return chr(SYLLABLE + (l * VOWELS + v) * FINALS)
    s = ord(before) - SYLLABLE
    if 0 <= s < INITIALS * VOWELS * FINALS and s % FINALS == 0 and 0 < t < FINALS:
        return chr(SYLLABLE + s + t)
    return None


def romanized(text: str) -> str:
    """Korean in Latin letters, syllable by syllable as the Revised Romanization has them: 저는 is ``jeoneun``.

    For reading, not for taking back: sounds that change where syllables meet are written as if alone.
    """
    return "".join(_sounds.get(letter, letter) for letter in decompose(text))


def stand_alone(text: str) -> str:
    """Letters of syllables, as `decompose` makes them, as the stand-alone letters that fonts have: ㅎ, ㅏ, ㄴ."""
    return "".join(_shapes.get(letter, letter) for letter in text)


def _table(initials: Iterable[str], vowels: Iterable[str], finals: Iterable[str]) -> dict[str, str]:
    """What each of the three kinds of letters becomes."""
    parts = (INITIAL, initials), (VOWEL, vowels), (FINAL + 1, finals)
    return {chr(first + i): whole for first, wholes in parts for i, whole in enumerate(wholes)}


_sounds = _table(
    ["g", "kk", "n", "d", "tt", "r", "m", "b", "pp", "s", "ss", "", "j", "jj", "ch", "k", "t", "p", "h"],
    ["a", "ae", "ya", "yae", "eo", "e", "yeo", "ye", "o", "wa", "wae", "oe", "yo", "u", "wo", "we", "wi", "yu", "eu", "ui",
     "i"],
    ["k", "k", "k", "n", "n", "n", "t", "l", "k", "m", "l", "l", "l", "p", "l", "m", "p", "p", "t", "t", "ng", "t", "t", "k",
     "t", "p", "t"],
)  # fmt: skip
_shapes = _table(
    "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ",
    "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ",
    "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ",
)

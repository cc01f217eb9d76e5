"""Sentences in Korean, English and French from one small grammar: synthetic, and grammatical in all three.

A sentence says who does what to what, when, and perhaps that it is not so:

    저는 어제 재미있는 책을 안 읽었어요.
    I did not read the interesting book yesterday.
    Je n'ai pas lu le livre intéressant hier.

It is put together from meanings, each of which has one word or phrase in every language; so one sentence has one translation,
and two meanings never share a sentence. Learning it takes what translation takes: another order of words (the Korean verb comes
last), particles that follow the sound before them (책을, 편지를), agreement (elle boit, nous buvons; intéressante) and
elision (l'histoire, je n'ai).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from .grammar_words import (
    AVOIR,
    DETERMINERS,
    FUTURE,
    NOUNS,
    SUBJECTS,
    TIMES,
    VERBS,
    Determiner,
    Noun,
    Quality,
    Subject,
    Time,
    Verb,
)
from .jamo import decompose
from .pairs import Pair
from .readers import split_pairs

Parts = tuple[Subject, Verb, Determiner, Quality | None, Noun, Time, bool]
VOWELS = "aeiouyéèêâîôûh"  # every h of these words is mute


@dataclass(frozen=True)
class Meaning:
    """What a sentence says, whatever the language."""

    subject: Subject
    verb: Verb
    determiner: Determiner
    quality: Quality | None
    noun: Noun
    time: Time
    negated: bool


def meanings() -> Iterator[Meaning]:
    """Every meaning there is, in a fixed order."""
    return (Meaning(*parts) for parts in _parts())


def _parts() -> Iterator[Parts]:
    """What `Meaning` is made of, for every one: quicker by half than the meanings themselves."""
    for verb, determiner, subject, time, negated in product(VERBS, DETERMINERS, SUBJECTS, TIMES, (False, True)):
        for noun in (noun for noun in NOUNS if noun.kind in verb.kinds):
            for quality in (None, *noun.kind.qualities):
                yield subject, verb, determiner, quality, noun, time, negated


def korean(meaning: Meaning) -> str:
    """The sentence in Korean, in the polite style: subject, time, object, negation, verb."""
    words = [meaning.subject.korean + ("은" if _closed(meaning.subject.korean) else "는"), meaning.time.korean]
    words += [meaning.determiner.korean, meaning.quality.korean if meaning.quality else ""]
    words += [meaning.noun.korean + ("을" if _closed(meaning.noun.korean) else "를"), "안" if meaning.negated else ""]
    return " ".join(word for word in (*words, meaning.verb.korean[meaning.time.tense]) if word) + "."


def english(meaning: Meaning) -> str:
    """The sentence in English: subject, verb with its auxiliary, object, time."""
    verb, third = meaning.verb, meaning.subject.third
    base, tense = verb.english[0], meaning.time.tense
    if tense == "future":
        said = f"will not {base}" if meaning.negated else f"will {base}"
    elif meaning.negated:
        said = f"{'did' if tense == 'past' else 'does' if third else 'do'} not {base}"
    else:
        said = verb.english[2] if tense == "past" else verb.english[1] if third else base
    words = [meaning.subject.english, said, meaning.determiner.english]
    words += [meaning.quality.english if meaning.quality else "", meaning.noun.english, meaning.time.english]
    return _sentence(words)


def french(meaning: Meaning) -> str:
    """The sentence in French: subject, ne, verb, pas, participle, object, time, with elisions."""
    person, verb, tense = meaning.subject.person, meaning.verb, meaning.time.tense
    finite, rest = {
        "present": (verb.present[person], ""),
        "past": (AVOIR[person], verb.participle),
        "future": (verb.future + FUTURE[person], ""),
    }[tense]
    negation = ("ne", "pas") if meaning.negated else ("", "")
    noun = meaning.noun
    quality = meaning.quality.french[noun.feminine] if meaning.quality else ""
    words = [meaning.subject.french, negation[0], finite, negation[1], rest]
    words += [meaning.determiner.french[noun.feminine + 2 * (noun.french[0] in VOWELS)], noun.french, quality]
    words.append(meaning.time.french)
    return _sentence(_elided([word for word in words if word]))


def pairs(count: int, seed: int, source: str = "korean", target: str = "english") -> list[Pair]:
    """`count` different sentences in two of the languages korean, english, french, split 80/10/10; no sentence in two splits.

    Raises:
        ValueError: there are not so many sentences.
    """
    everything = list(_parts())
    if not 0 <= count <= len(everything):
        raise ValueError(f"count should be from 0 to {len(everything)}, but got {count}")
    chosen = np.random.default_rng(seed).permutation(len(everything))[:count]
    say, translate = LANGUAGES[source], LANGUAGES[target]
    drawn = [Meaning(*everything[i]) for i in chosen]
    return split_pairs([(say(meaning), translate(meaning)) for meaning in drawn], seed)


LANGUAGES: dict[str, Callable[[Meaning], str]] = {"korean": korean, "english": english, "french": french}


def _closed(word: str) -> bool:
    """Whether the last syllable ends in a consonant: it has three letters."""
    return len(decompose(word[-1])) == 3


def _elided(words: list[str]) -> list[str]:
    """je, ne, le and la before a vowel: j', n', l', without a blank after it."""
    found: list[str] = []
    for word in reversed(words):
        if word in ("je", "ne", "le", "la") and found[0][0] in VOWELS:
            found[0] = f"{word[0]}'{found[0]}"
        else:
            found.insert(0, word)
    return found


def _sentence(words: list[str]) -> str:
    text = " ".join(word for word in words if word)
    return text[0].upper() + text[1:] + "."

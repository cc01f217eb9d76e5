"""The small grammar: every sentence is there once, in every language, and its words agree."""

import re
import unicodedata
from collections import Counter
from itertools import pairwise

import pytest

from experiments.data.grammar import LANGUAGES, meanings, pairs
from experiments.data.grammar_words import DETERMINERS, NOUNS, SUBJECTS, TIMES, VERBS


@pytest.fixture(scope="module")
def everything():
    return list(meanings())


@pytest.fixture(scope="module")
def said(everything):
    """Every eleventh sentence in every language: all words in all their forms."""
    return {name: [say(meaning) for meaning in everything[::11]] for name, say in LANGUAGES.items()}


def test_how_many_meanings_there_are(everything):
    objects = sum(1 + len(noun.kind.qualities) for verb in VERBS for noun in NOUNS if noun.kind in verb.kinds)
    assert len(everything) == objects * len(DETERMINERS) * len(SUBJECTS) * len(TIMES) * 2 > 20_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_meanings_share_a_sentence(language, everything):
    sentences = Counter(map(LANGUAGES[language], everything))
    assert len(sentences) == len(everything), sentences.most_common(3)


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_written_as_sentences(language, said):
    for sentence in said[language]:
        assert sentence.endswith(".") and sentence.count(".") == 1
        assert sentence == " ".join(sentence.split())
        assert not sentence[0].islower()
        assert unicodedata.normalize("NFC", sentence) == sentence


KNOWN = {
    "저는 어제 재미있는 책을 안 읽었어요.": (
        "I did not read the interesting book yesterday.", "Je n'ai pas lu le livre intéressant hier."
    ),
    "그녀는 매일 차가운 우유를 마셔요.": ("She drinks the cold milk every day.", "Elle boit le lait froid tous les jours."),
    "학생은 내일 이 이야기를 쓸 거예요.": (
        "The student will write this story tomorrow.", "L'étudiant écrira cette histoire demain."
    ),
    "아이들은 지난주에 맛있는 사과를 먹었어요.": (
        "The children ate the delicious apple last week.", "Les enfants ont mangé la pomme délicieuse la semaine dernière."
    ),
    "제 친구는 요즘 제 앨범을 안 들어요.": (
        "My friend does not listen to my album these days.", "Mon ami n'écoute pas mon album ces jours-ci."
    ),
    "우리는 곧 우리 영화를 볼 거예요.": ("We will watch our film soon.", "Nous regarderons notre film bientôt."),
    "여러분은 다음 주에 제 이야기를 안 읽을 거예요.": (
        "You will not read my story next week.", "Vous ne lirez pas mon histoire la semaine prochaine."
    ),
    "민수는 매일 물을 마셔요.": ("Minsu drinks the water every day.", "Minsu boit l'eau tous les jours."),
    "그들은 어제 이 기사를 팔았어요.": ("They sold this article yesterday.", "Ils ont vendu cet article hier."),
    "저는 매일 노래를 들어요.": ("I listen to the song every day.", "J'écoute la chanson tous les jours."),
    "저는 매일 비싼 케이크를 사요.": ("I buy the expensive cake every day.", "J'achète le gâteau cher tous les jours."),
    "그는 어제 뜨거운 커피를 만들었어요.": ("He made the hot coffee yesterday.", "Il a fait le café chaud hier."),
}  # fmt: skip


@pytest.fixture(scope="module")
def in_korean(everything):
    """Every meaning by its Korean sentence."""
    return {LANGUAGES["korean"](meaning): meaning for meaning in everything}


@pytest.mark.parametrize("korean", KNOWN)
def test_sentences_known_to_be_right(korean, in_korean):
    meaning = in_korean[korean]
    assert (LANGUAGES["english"](meaning), LANGUAGES["french"](meaning)) == KNOWN[korean]


def test_every_word_is_in_the_sentences_that_are_looked_at(said):
    words = {word for sentence in said["french"] for word in re.findall(r"[\w-]+", sentence)}
    for verb in VERBS:
        assert {*verb.present[2:], verb.participle, verb.present[0]} <= words
    assert {noun.french for noun in NOUNS} <= words


def closed(syllable):
    """Whether a syllable ends in a consonant, by Unicode's decomposition: it has three letters."""
    return len(unicodedata.normalize("NFD", syllable)) == 3


def test_korean_particles_follow_the_sound_before_them(said):
    for sentence in said["korean"]:
        topic = re.match(r"(제 친구|아이들|\S+?)(은|는) ", sentence)
        assert topic and closed(topic[1][-1]) == (topic[2] == "은"), sentence
        nouns = re.findall(r"(\S)([을를]) (?!거예요)", sentence)
        assert len(nouns) == 1 and closed(nouns[0][0]) == (nouns[0][1] == "을"), sentence


def test_korean_verbs_come_last_in_the_tense_of_the_time(said):
    """The past has ㅆ before 어요, the future 거예요 after ㄹ, the present neither."""
    past, future = re.compile("\u11bb\u110b\u1165\u110b\u116d\\.$"), re.compile("\u11af 거예요\\.$")
    for sentence in said["korean"]:
        letters = unicodedata.normalize("NFD", sentence)
        spoken = bool(past.search(letters)), bool(re.search(unicodedata.normalize("NFD", future.pattern), letters))
        words = sentence.split()
        time = next(time for time in TIMES if f" {time.korean} " in sentence)
        assert spoken == (time.tense == "past", time.tense == "future"), sentence
        assert words[-1].endswith("요.")
        if "안" in words:  # right before the verb
            assert words.index("안") == len(words) - (3 if spoken[1] else 2), sentence


def test_english_verbs_agree_with_their_subject(said):
    thirds = {verb.english[1] for verb in VERBS}
    third_subjects = ("He ", "She ", "Minsu ", "Jiyeong ", "My friend ", "The student ")
    for sentence in said["english"]:
        if not re.search(r"(every day|these days)\.$", sentence):
            assert not re.search(r" (does|do) not ", sentence)
            continue
        third = sentence.startswith(third_subjects)
        if " not " in sentence:
            assert (" does not " in sentence) == third and (" do not " in sentence) != third, sentence
        else:
            assert any(f" {verb} " in sentence for verb in thirds) == third, sentence


def test_french_elides_before_vowels_and_nowhere_else(said):
    for sentence in said["french"]:
        words = sentence.lower().rstrip(".").split()
        for word, after in pairwise(words):
            if word in ("je", "ne", "le", "la", "ce"):
                assert after[0] not in "aeiouéèêh", sentence
            if word in ("ma", "cette") and after[0] in "aeiouéèêh":
                assert word == "cette", sentence  # mon histoire, and cette histoire
            if word == "cet":
                assert after[0] in "aeiouéèêh", sentence
        for elided in re.findall(r"\b([jnl])'(\w)", sentence.lower()):
            assert elided[1] in "aeiouéèêh", sentence
        assert not re.search(r"\b(de|que|se|me|te)\b", sentence)  # words that the elision does not know


def test_french_nouns_agree_with_what_stands_beside_them(said):
    feminine = {noun.french for noun in NOUNS if noun.feminine}
    adjectives = {form: i for verb in NOUNS for quality in verb.kind.qualities for i, form in enumerate(quality.french)}
    both = {quality.french[0] for noun in NOUNS for quality in noun.kind.qualities if len(set(quality.french)) == 1}
    for sentence in said["french"]:
        words = re.sub(r"\b([ljn])'", r"\1' ", sentence.rstrip(".")).split()
        where = max(i for i, word in enumerate(words) if word in {noun.french for noun in NOUNS})
        is_feminine = words[where] in feminine
        determiner = words[where - 1]
        assert determiner in (("la", "cette", "ma", "mon", "notre", "l'") if is_feminine else
                              ("le", "ce", "cet", "mon", "notre", "l'")), sentence  # fmt: skip
        if where + 1 < len(words) and words[where + 1] in adjectives and words[where + 1] not in both:
            assert adjectives[words[where + 1]] == is_feminine, sentence


def test_french_negation_surrounds_the_finite_verb(said):
    for sentence in said["french"]:
        assert bool(re.search(r"\b(ne |n')", sentence)) == (" pas " in sentence), sentence
        if " pas " in sentence:
            assert re.search(r"(?:\bne |\bn')\S+ pas ", sentence), sentence


@pytest.mark.parametrize(("source", "target"), [("korean", "english"), ("english", "french"), ("french", "korean")])
def test_pairs_are_distinct_and_leak_nothing(source, target, everything):
    found = pairs(1000, 4, source, target)
    assert found == pairs(1000, 4, source, target) != pairs(1000, 5, source, target)
    assert Counter(pair.split for pair in found) == {"train": 800, "val": 100, "test": 100}
    assert len({pair.source for pair in found}) == len({pair.target for pair in found}) == 1000
    for count in (-1, len(everything) + 1):
        with pytest.raises(ValueError, match="count should be from 0 to"):
            pairs(count, 0)
    assert pairs(0, 0) == []

"""Tokens: what a text is cut into, and that it comes back. Python's unicodedata is the oracle for Korean."""

import json
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import example, given, strategies as st

from experiments.data.jamo import compose, decompose
from experiments.data.tokens import KINDS, STATELESS, tokenizer_of, trained

SYLLABLES = "".join(map(chr, range(0xAC00, 0xD7A4)))
conjoining = st.characters(min_codepoint=0x1100, max_codepoint=0x11FF)
korean = st.text(st.one_of(st.sampled_from(SYLLABLES), conjoining, st.sampled_from("ㅋㅏ a.")))


def test_all_syllables_are_taken_apart_and_put_together_as_unicode_says():
    assert len(SYLLABLES) == 11_172
    assert decompose(SYLLABLES) == unicodedata.normalize("NFD", SYLLABLES)
    assert compose(decompose(SYLLABLES)) == SYLLABLES
    assert decompose("한글") == "\u1112\u1161\u11ab\u1100\u1173\u11af"
    assert len(set(decompose(SYLLABLES))) == 67


@given(korean)
@example("가\u11a8")  # a syllable that a single final consonant follows
@example("\u1100\u1161\u11a8")
@example("각\u11a8")
@example("\u1100\u1161\u11a7")  # the place before the first final consonant is none
def test_letters_anywhere_compose_as_unicode_says(text):
    assert compose(text) == unicodedata.normalize("NFC", text)
    assert decompose(text) == unicodedata.normalize("NFD", text)
    assert compose(decompose(text)) == compose(text)


@given(st.text())
def test_text_in_syllables_comes_back_exactly(text):
    composed = compose(text)
    for kind in ("characters", "syllables", "jamo", "spaced"):
        tokenizer = trained(kind, [])
        assert tokenizer.detokenize(tokenizer.tokenize(composed)) == composed
    characters = trained("characters", [])
    assert characters.detokenize(characters.tokenize(text)) == text


@pytest.mark.parametrize(
    ("text", "tokens", "back"),
    [
        ("What's this?", ["what's", "this", "?"], "what's this?"),
        ("He said: (no), 'yes'!", ["he", "said", ":", "(", "no", ")", ",", "'", "yes", "'", "!"], "he said: (no), 'yes'!"),
        ('"Go," he said.', ['"', "go", ",", '"', "he", "said", "."], '"go," he said.'),
        ("저는 안 가요.", ["저는", "안", "가요", "."], "저는 안 가요."),
        ("Ça va ? 3.5 %", ["ça", "va", "?", "3", ".", "5", "%"], "ça va? 3. 5%"),
        ("", [], ""),
    ],
)
def test_words(text, tokens, back):
    words = trained("words", [])
    assert words.tokenize(text) == tokens
    assert words.detokenize(tokens) == back
    assert words.tokenize(back) == tokens


def test_tokenizers_survive_json():
    for kind in STATELESS:
        tokenizer = trained(kind, [])
        assert tokenizer_of(json.loads(json.dumps(tokenizer.to_serializable()))) == tokenizer
    assert trained("jamo", []) != trained("words", [])


@pytest.mark.parametrize("contents", [None, [], {}, {"kind": "word"}, {"kind": ["words"]}])
def test_damaged_tokenizers_are_refused(contents):
    with pytest.raises(ValueError, match="a tokenizer is"):
        tokenizer_of(contents)


TEXTS = ["the lower the newer", "lowest and newest", "저는 책을 읽어요", "저는 편지를 읽었어요", "  two  blanks "] * 3


@pytest.fixture(scope="module")
def subwords():
    pytest.importorskip("tokenizers")
    return trained("subwords", TEXTS, 60)


def test_subwords_are_exact_on_what_they_know(subwords):
    for text in [*TEXTS, "", " ", "the newest", " 저는 읽"]:
        assert subwords.detokenize(subwords.tokenize(text)) == text
    assert len(subwords.tokenize("the newest")) < len("the newest")
    assert subwords.tokenize("xyz the")[1:2] == ["<UNK>"]


def test_subwords_survive_json_and_are_the_same_in_another_process(subwords):
    description = json.dumps(subwords.to_serializable(), sort_keys=True)
    assert tokenizer_of(json.loads(description)) == subwords
    program = (
        "import json; from experiments.data.tokens import trained; "
        f"print(json.dumps(trained('subwords', {TEXTS!r}, 60).to_serializable(), sort_keys=True))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == description


def test_a_damaged_model_of_subwords_is_refused(subwords):
    for model in (None, {}, {"model": 3}):
        with pytest.raises(ValueError, match="no model of the library tokenizers"):
            tokenizer_of({"kind": "subwords", "model": model})


def test_kinds():
    assert KINDS == ("characters", "syllables", "jamo", "spaced", "words", "subwords")

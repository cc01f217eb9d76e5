"""BLEU against n-grams counted by hand, and against the definition written a second time."""

import logging
import math
import sys
from collections import Counter

import pytest
from hypothesis import given, strategies as st

from experiments.lab import UsageError
from experiments.lab.bleu import Bleu, corpus_bleu

pytest.importorskip("sacrebleu")

HYPOTHESES = ["the cat sat on the mat", "there is a dog in the house"]
REFERENCES = ["the cat is sitting on the mat", "there is a dog in the big house"]
# the n-grams of the first: the, cat, on, the, mat of 6; the cat, on the, the mat of 5; on the mat of 4; none of 3
# of the second: all 7; but for "the house" 5 of 6; 4 of 5, without "in the house"; 3 of 4, without "dog in the …"


def test_against_ngrams_counted_by_hand():
    p = [(5 + 7) / (6 + 7), (3 + 5) / (5 + 6), (1 + 4) / (4 + 5), (0 + 3) / (3 + 4)]
    brevity = math.exp(1 - (7 + 8) / (6 + 7))
    expected = 100 * brevity * math.prod(p) ** (1 / 4)
    assert corpus_bleu(HYPOTHESES, REFERENCES).score == pytest.approx(expected, rel=1e-12)


def test_longer_hypotheses_are_not_punished_but_by_their_precision():
    assert corpus_bleu(REFERENCES, REFERENCES).score == pytest.approx(100)
    longer = corpus_bleu(["a b c d e f"], ["a b c d"]).score
    assert longer == pytest.approx(100 * (4 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** (1 / 4))


def test_no_ngram_counts_more_often_than_it_is_there():
    """Papineni's example: "the" seven times; smoothed, as nothing longer fits, p_n = 1/(2^k · the n-grams)."""
    expected = 100 * (2 / 7 * 1 / (2 * 6) * 1 / (4 * 5) * 1 / (8 * 4)) ** (1 / 4)
    assert corpus_bleu(["the " * 7], ["the cat is on the mat"]).score == pytest.approx(expected)


def reference_bleu(hypotheses, references):
    """The definition, unsmoothed, of texts of words without punctuation."""
    matches, totals, c, r = [0] * 4, [0] * 4, 0, 0
    for hypothesis, reference in zip(hypotheses, references):
        c, r = c + len(hypothesis), r + len(reference)
        for n in range(1, 5):
            said, wanted = (Counter(tuple(x[i : i + n]) for i in range(len(x) - n + 1)) for x in (hypothesis, reference))
            matches[n - 1] += sum((said & wanted).values())
            totals[n - 1] += sum(said.values())
    if not all(matches):
        return None
    return 100 * min(1, math.exp(1 - r / c)) * math.exp(sum(math.log(m / t) for m, t in zip(matches, totals)) / 4)


texts = st.lists(st.sampled_from("abc"), min_size=4, max_size=9)


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=6))
def test_against_the_definition(pairs):
    hypotheses, references = zip(*pairs)
    expected = reference_bleu(hypotheses, references)
    if expected is not None:  # the library smooths where no n-gram fits
        found = corpus_bleu([" ".join(text) for text in hypotheses], [" ".join(text) for text in references])
        assert found.score == pytest.approx(expected, rel=1e-9)


def test_the_signature_says_how_it_was_computed():
    plain, characters = corpus_bleu(HYPOTHESES, REFERENCES), corpus_bleu(HYPOTHESES, REFERENCES, tokenize="char")
    assert plain.signature.startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    assert "|tok:char|" in characters.signature
    assert str(Bleu(12.34, "s")) == "BLEU 12.3 (s)"


def test_korean_by_characters():
    assert corpus_bleu(["저는 책을 읽어요."], ["저는 책을 읽어요."], tokenize="char").score == pytest.approx(100)
    near = corpus_bleu(["저는 책을 읽어요."], ["저는 책을 썼어요."])  # a word of three is another
    assert near.score < corpus_bleu(["저는 책을 읽어요."], ["저는 책을 썼어요."], tokenize="char").score


def test_texts_without_four_words():
    assert corpus_bleu(["go now"], ["go now"]).score == 0
    assert corpus_bleu(["go now"], ["go now"], effective_order=True).score == pytest.approx(100)
    long = corpus_bleu(HYPOTHESES, REFERENCES, effective_order=True)
    assert long.score == corpus_bleu(HYPOTHESES, REFERENCES).score


def test_an_interval_by_resampling():
    hypotheses, references = HYPOTHESES * 20, REFERENCES * 20
    found = corpus_bleu(hypotheses, references, resamples=300)
    assert found.score == pytest.approx(corpus_bleu(hypotheses, references).score)
    assert found == corpus_bleu(hypotheses, references, resamples=300)
    assert 0 < found.margin < 15
    assert corpus_bleu(REFERENCES * 9, REFERENCES * 9, resamples=300).margin == pytest.approx(0, abs=1e-9)
    assert "|bs:300|" in found.signature


def test_what_is_empty():
    assert corpus_bleu([""], ["go now"]).score == 0
    for hypotheses, references in (([], []), (["a"], []), (["a"], ["a", "b"])):
        with pytest.raises(ValueError, match="a reference for each hypothesis"):
            corpus_bleu(hypotheses, references)


def test_texts_that_look_tokenised_are_no_warning(caplog, capsys):
    with caplog.at_level(logging.WARNING):
        corpus_bleu(["go now ."] * 200, ["go now ."] * 200)
    assert not caplog.records
    assert capsys.readouterr() == ("", "")


def test_without_the_library_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(UsageError, match=r'BLEU needs the library sacrebleu: python -m pip install "minigrad\[data\]"'):
        corpus_bleu(HYPOTHESES, REFERENCES)

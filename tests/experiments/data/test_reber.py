"""The Reber grammars: what they generate, what they allow, and a second description to compare with."""

import re

import numpy as np
import pytest
from hypothesis import given, strategies as st

from experiments.data.reber import CONTINUAL, EMBEDDED, PLAIN, SYMBOLS, allowed, ids, one_hot

# The automaton as a regular expression. U is what leads from state 4 to the end: X back into 3, or S.
THREE_TO_FIVE = "T*V"
TO_END = f"(?:X{THREE_TO_FIVE}P)*(?:S|X{THREE_TO_FIVE}V)"
INNER = f"B(?:TS*X{TO_END}|P{THREE_TO_FIVE}(?:V|P{TO_END}))E"
PATTERNS = {"plain": (PLAIN, INNER), "embedded": (EMBEDDED, f"BT{INNER}TE|BP{INNER}PE")}


@pytest.mark.parametrize("name", PATTERNS)
@given(seed=st.integers(0, 2**32))
def test_strings_match_the_regular_expression(name, seed):
    grammar, pattern = PATTERNS[name]
    text = grammar.generate(np.random.default_rng(seed))
    assert re.fullmatch(pattern, text)
    assert grammar.accepts(text)
    assert not grammar.accepts(text[:-1])
    assert not grammar.accepts(text + "B")


@pytest.mark.parametrize("name", PATTERNS)
@given(seed=st.integers(0, 2**32), place=st.integers(0, 100), symbol=st.sampled_from(SYMBOLS))
def test_a_changed_string_is_accepted_if_the_regular_expression_does(name, seed, place, symbol):
    grammar, pattern = PATTERNS[name]
    text = grammar.generate(np.random.default_rng(seed))
    place %= len(text)
    changed = text[:place] + symbol + text[place + 1 :]
    assert grammar.accepts(changed) is bool(re.fullmatch(pattern, changed))


def test_a_known_string():
    assert EMBEDDED.follow("BPBTXXVPSEPE") == ["TP", "B", "TP", "SX", "XS", "TV", "PV", "XS", "E", "P", "E", ""]


def test_what_may_follow_is_what_does_follow():
    """Of many strings with a common beginning, every allowed symbol comes next in some, and no other in any."""
    rng = np.random.default_rng(0)
    seen: dict[str, set[str]] = {}
    for _ in range(4000):
        text = EMBEDDED.generate(rng)
        for n in range(1, len(text)):
            seen.setdefault(text[:n], set()).add(text[n])
    for beginning, following in seen.items():
        if len(beginning) <= 5:
            assert following == set(EMBEDDED.follow(beginning)[-1])


def test_both_arrows_are_taken_half_of_the_time():
    rng = np.random.default_rng(0)
    second = [EMBEDDED.generate(rng)[1] for _ in range(2000)]
    assert abs(second.count("T") - 1000) < 4 * np.sqrt(500)


def test_a_stream_is_embedded_strings_one_after_another():
    stream = CONTINUAL.generate(np.random.default_rng(3), 3000)
    assert len(stream) == 3000
    whole = re.findall(PATTERNS["embedded"][1], stream)
    joined = "".join(whole)
    assert stream.startswith(joined)
    assert len(whole) > 100 and len(stream) - len(joined) < 100
    for text in whole:
        assert EMBEDDED.accepts(text)
    assert CONTINUAL.accepts(stream)
    ends = np.cumsum([len(text) for text in whole]) - 1
    following = CONTINUAL.follow(stream)
    assert {following[end] for end in ends} == {"B"}


def test_a_wrong_symbol_is_named():
    with pytest.raises(ValueError, match="'BX': 'X' at 1 is not allowed; T or P would be"):
        EMBEDDED.follow("BX")
    with pytest.raises(ValueError, match="'B' at 5 is not allowed; nothing would be"):
        PLAIN.follow("BTXSEB")


def test_a_stream_needs_a_length():
    with pytest.raises(ValueError, match="give a length"):
        CONTINUAL.generate(np.random.default_rng(0))


def test_arrays():
    text = "BTXSE"
    np.testing.assert_array_equal(one_hot(text).argmax(axis=1), ids(text))
    np.testing.assert_array_equal(one_hot(text).sum(axis=1), 1)
    found = [{SYMBOLS[k] for k in np.flatnonzero(row)} for row in allowed(PLAIN.follow(text))]
    assert found == [{"T", "P"}, {"S", "X"}, {"X", "S"}, {"E"}, set()]

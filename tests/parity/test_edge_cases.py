"""Edge cases of the library's functions beside PyTorch's, swept: every form of a call on every awkward input.

A call is a form (`torch.flip({}, (0,))`) with one of the arrays below in the braces. Compared are value, type, shape, gradient
and, where both fail, the class of the error. What minigrad does otherwise, on purpose, stands in DIFFERENT, with the reason.
"""

import re
import warnings

import numpy as np
import pytest

from . import edge_table as table
from .beside import GRADIENT, VALUE, Outcome, close, minigrad, outcome, torch
from .edge_single import DIFFERENT, SINGLE


def both(text):
    """Return what a call comes to on minigrad and on PyTorch."""
    *steps, result = text.split("; ")
    before, last = compile("\n".join(steps), text, "exec"), compile(result, text, "eval")
    names = [name for name in table.ARRAYS if name in before.co_names + last.co_names]

    def program(torch, F, *tensors):
        scope = {"torch": torch, "F": F, "inf": np.inf, **dict(zip(names, tensors))}
        exec(before, scope)
        return tensors_of(torch, eval(last, scope))

    arrays = [table.ARRAYS[name] for name in names]
    return ended(minigrad, program, arrays), ended(torch, program, arrays)


def ended(library, program, arrays):
    """Return a program's outcome; an error in the backward pass is one too."""
    functional = minigrad.functional if library is minigrad else torch.nn.functional
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a variance of one element, an implicit default of meshgrid: both warn
        try:
            return outcome(library, functional, program, arrays)
        except (RuntimeError, NotImplementedError) as error:
            return Outcome((type(error).__name__, str(error)))


def tensors_of(library, result):
    """Return tensors as they are, and what is no tensor as one, so that all is compared alike."""
    if isinstance(result, (tuple, list)) and any(isinstance(r, library.Tensor) for r in result):
        return [tensors_of(library, r) for r in result]
    return result if isinstance(result, library.Tensor) else library.tensor(result)


def difference(text):
    """Return in what the two libraries differ, None if in nothing."""
    ours, theirs = both(text)
    if ours.error or theirs.error:
        same = ours.error and theirs.error and ours.error[0] == theirs.error[0].lstrip("_")
        return None if same else f"{ours.error}, PyTorch: {theirs.error}"
    try:
        for mine, peer in zip(ours.values, theirs.values, strict=True):
            close(mine, peer, tolerance(text, peer, VALUE), "value")
        for mine, peer in zip(ours.gradients, theirs.gradients, strict=True):
            assert (mine is None) == (peer is None), "one of the two has no gradient"
            if mine is not None:
                close(mine, peer, tolerance(text, peer, GRADIENT), "gradient")
    except (AssertionError, ValueError) as error:
        return str(error)
    return None


def tolerance(text, peer, double):
    """Return how far two results may be apart: `double` where nothing is single precision."""
    return 1e-5 if "f32" in text or peer.dtype == np.float32 else double


def known(text):
    """True if a call is one of those that differ on purpose."""
    return any(re.search(pattern, text) for pattern in DIFFERENT)


@pytest.mark.parametrize("name", table.FORMS)
def test_swept(name):
    forms, arrays = table.FORMS[name]
    calls = {form.replace("{}", array) for form in forms for array in arrays}
    wrong = {text: difference(text) for text in sorted(calls) if not known(text)}
    assert not any(wrong.values()), "\n".join(f"{text}: {what}" for text, what in wrong.items() if what)


@pytest.mark.parametrize("text", SINGLE)
def test_single(text):
    assert difference(text) is None


@pytest.mark.parametrize("pattern", DIFFERENT)
def test_differences_are_still_there(pattern):
    """A pattern that no longer excuses anything has to go."""
    calls = (f.replace("{}", a) for forms, arrays in table.FORMS.values() for f in forms for a in arrays)
    assert any(difference(text) for text in calls if re.search(pattern, text)), DIFFERENT[pattern]


def test_the_sweep_sees_a_difference():
    """A call that cannot agree is reported: it asks each library for its name."""
    assert difference("torch.zeros(len(torch.__name__))")

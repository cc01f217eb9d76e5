"""What a trained model is asked to say: how much, beginning with what, and how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layers.seq2seq import greedy, sample
from layers.seq2seq.decoder import State, StepwiseDecoder
from layers.seq2seq.search import Found
from minigrad.random import Generator

from .usage import UsageError


@dataclass(frozen=True)
class SampleRequest:
    """What the command ``sample`` is given; None where the experiment has a default of its own.

    Args:
        count: how many samples.
        length: characters after the prompt, at most.
        temperature: τ of softmax(z / τ); 0 takes the likeliest character each time.
        top_k: draw from the k likeliest only; None: from all.
        top_p: draw from the fewest whose probabilities sum to this or more; 1: from all.
        seed: of what is drawn: same request, same model, same samples.
        nationalities: of the names, for a model that is conditioned on them.
        prompt: what each sample begins with.

    Raises:
        UsageError: one of them is out of range.
    """

    count: int | None = None
    length: int | None = None
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    seed: int = 0
    nationalities: tuple[str, ...] = ()
    prompt: str = ""

    def __post_init__(self) -> None:
        for name, low in (("count", 1), ("length", 1), ("top_k", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < low:
                raise UsageError(f"--{name.replace('_', '-')} {value}: must be at least {low}")
        if not 0 <= self.temperature < float("inf"):
            raise UsageError(f"--temperature {self.temperature:g}: must be 0, for the likeliest, or a number above it")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"--top-p {self.top_p:g}: must be above 0 and at most 1")

    def draw(self, decoder: StepwiseDecoder, state: State, generator: Generator, *, begin: int, end: int, length: int) -> Found:
        """Say on from a state in which `begin` is read next, until `end` or for `length` ids.

        Raises:
            UsageError: there is nothing to draw from: the model's scores overflow.
        """
        if self.temperature == 0:
            return greedy(decoder, state, begin=begin, end=end, max_length=length)
        options: dict[str, Any] = {
            "temperature": self.temperature,
            "top_k": self.top_k,
            "top_p": self.top_p,
            "generator": generator,
        }
        try:
            return sample(decoder, state, begin=begin, end=end, max_length=length, **options)
        except RuntimeError as error:
            if "probability tensor" not in str(error):
                raise
            told = f"the scores are not finite at temperature {self.temperature:g}"
            raise UsageError(f"{told}: raise it or, if the training has diverged, train with a smaller lr") from None

"""A claim: a sentence out of the literature, the number it promises, the number obtained, and whether it holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

Value = float | str | None


@dataclass(frozen=True)
class Claim:
    """One claim and its outcome; `holds` is None for a figure that is reported and not judged."""

    sentence: str
    source: str
    expected: Value
    obtained: Value
    tolerance: float | None
    holds: bool | None

    @classmethod
    def equal(cls, sentence: str, source: str, *, expected: float, obtained: float, tolerance: float) -> Self:
        """Judge |obtained − expected| ≤ tolerance. A NaN does not hold."""
        holds = bool(abs(obtained - expected) <= tolerance)
        return cls(sentence, source, expected, float(obtained), tolerance, holds)

    @classmethod
    def at_most(cls, sentence: str, source: str, *, bound: float, obtained: float, tolerance: float = 0.0) -> Self:
        """Judge obtained ≤ bound + tolerance. A NaN does not hold."""
        return cls(sentence, source, f"<= {bound:g}", float(obtained), tolerance, bool(obtained <= bound + tolerance))

    @classmethod
    def at_least(cls, sentence: str, source: str, *, bound: float, obtained: float, tolerance: float = 0.0) -> Self:
        """Judge obtained ≥ bound − tolerance. A NaN does not hold."""
        return cls(sentence, source, f">= {bound:g}", float(obtained), tolerance, bool(obtained >= bound - tolerance))

    @classmethod
    def reported(cls, sentence: str, source: str, *, obtained: Value, expected: Value = None) -> Self:
        """State a figure beside the published one without judging it."""
        return cls(sentence, source, expected, obtained, None, None)

    @property
    def verdict(self) -> str:
        """``holds``, ``DOES NOT HOLD`` or ``reported``."""
        return {True: "holds", False: "DOES NOT HOLD", None: "reported"}[self.holds]


def summary(claims: Sequence[Claim]) -> str:
    """``3 hold, 0 do not, 1 reported`` for a list of claims."""
    counts = [sum(claim.holds is outcome for claim in claims) for outcome in (True, False, None)]
    return "{} hold, {} do not, {} reported".format(*counts)

"""Tasks whose answers can be computed: additions and dates, line by line in the format of dlfs2's data sets.

(Saito 2018, Deep Learning from Scratch 2, chapters 7 and 8; the additions after the example of Keras.)
"""

from __future__ import annotations

import datetime

import numpy as np

from .pairs import Pair
from .readers import split_pairs

DIGITS = 3
QUESTION, ANSWER = 2 * DIGITS + 1, DIGITS + 1
DATE_WIDTH, FIRST_DAY, LAST_DAY = 29, datetime.date(1970, 1, 1), datetime.date(2019, 12, 31)
MONTHS = ("January", "February", "March", "April", "May", "June",
          "July", "August", "September", "October", "November", "December")  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def additions(count: int, seed: int, shares: tuple[float, float] = (0.1, 0.1)) -> list[Pair]:
    """`count` different questions such as ``16+75  `` with answers such as ``91  ``, both filled up with blanks.

    Either number has at most 1, 2 or 3 digits, each a third of the time, so that short ones are not rare. The splits
    share no question (they do share answers: many questions have the same one).

    Raises:
        ValueError: there are not so many questions.
    """
    most = 10 ** (2 * DIGITS) // 2
    if not 0 <= count <= most:
        raise ValueError(f"count should be from 0 to {most}, but got {count}")
    rng = np.random.default_rng(seed)
    questions: dict[str, int] = {}
    while len(questions) < count:
        a, b = (int(rng.integers(10 ** int(rng.integers(1, DIGITS + 1)))) for _ in range(2))
        questions[f"{a}+{b}"] = a + b
    texts = [(f"{question:<{QUESTION}}", f"{answer:<{ANSWER}}") for question, answer in questions.items()]
    return split_pairs(texts, seed, shares, by_target=False)


def dates(count: int, seed: int, shares: tuple[float, float] = (0.1, 0.1)) -> list[Pair]:
    """`count` dates as people write them, filled up with blanks, and as ISO 8601 has them: ``1994-09-27``.

    Days from 1970 to 2019; ``9/27/94``, ``Sep 27, 1994``, ``September 27, 1994``, ``Tuesday, September 27, 1994``, the last
    three in small letters or capitals as well. The splits share no line.
    """
    rng = np.random.default_rng(seed)
    days = (LAST_DAY - FIRST_DAY).days + 1
    texts = []
    for _ in range(count):
        day = FIRST_DAY + datetime.timedelta(days=int(rng.integers(days)))
        form, case = (int(part) for part in rng.integers((4, 3)))
        texts.append((f"{_written(day, form, case):<{DATE_WIDTH}}", day.isoformat()))
    return split_pairs(texts, seed, shares, by_target=False)


def _written(day: datetime.date, form: int, case: int) -> str:
    month = MONTHS[day.month - 1]
    text = (
        f"{day.month}/{day.day}/{day.year % 100:02}",
        f"{month[:3]} {day.day}, {day.year}",
        f"{month} {day.day}, {day.year}",
        f"{WEEKDAYS[day.weekday()]}, {month} {day.day}, {day.year}",
    )[form]
    return (text, text.lower(), text.upper())[case]

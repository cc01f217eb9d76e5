"""The words of the small grammar (`grammar`) in Korean, English and French, with the forms that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tense = Literal["present", "past", "future"]


@dataclass(frozen=True)
class Subject:
    """Who does it: `person` is 0 to 5, I to they; `third` says whether the English verb takes an s."""

    korean: str
    english: str
    french: str
    person: int

    @property
    def third(self) -> bool:
        """Whether it is the third person singular."""
        return self.person == 2


@dataclass(frozen=True)
class Time:
    """When it is done, and the tense that goes with it."""

    tense: Tense
    korean: str
    english: str
    french: str


@dataclass(frozen=True)
class Determiner:
    """What stands before the noun; in French masculine, feminine, and both again before a vowel."""

    korean: str
    english: str
    french: tuple[str, str, str, str]


@dataclass(frozen=True)
class Quality:
    """An adjective; in French it follows the noun: masculine, feminine."""

    korean: str
    english: str
    french: tuple[str, str]


@dataclass(frozen=True)
class Kind:
    """A kind of things, and what may be said of them."""

    name: str
    qualities: tuple[Quality, ...]


@dataclass(frozen=True)
class Noun:
    """A thing."""

    kind: Kind
    korean: str
    english: str
    french: str
    feminine: bool = False


@dataclass(frozen=True)
class Verb:
    """What is done to things of some kinds.

    `korean` has its polite forms by tense; `english` is infinitive, third person, past; in French there are the six forms of
    the present, the participle (all go with avoir) and the stem of the future.
    """

    kinds: tuple[Kind, ...]
    korean: dict[Tense, str]
    english: tuple[str, str, str]
    present: tuple[str, ...]
    participle: str
    future: str


SUBJECTS = (
    Subject("저", "I", "je", 0),
    Subject("우리", "we", "nous", 3),
    Subject("여러분", "you", "vous", 4),
    Subject("그", "he", "il", 2),
    Subject("그녀", "she", "elle", 2),
    Subject("그들", "they", "ils", 5),
    Subject("민수", "Minsu", "Minsu", 2),
    Subject("지영", "Jiyeong", "Jiyeong", 2),
    Subject("제 친구", "my friend", "mon ami", 2),
    Subject("학생", "the student", "l'étudiant", 2),
    Subject("아이들", "the children", "les enfants", 5),
)

TIMES = (
    Time("present", "매일", "every day", "tous les jours"),
    Time("present", "요즘", "these days", "ces jours-ci"),
    Time("past", "어제", "yesterday", "hier"),
    Time("past", "지난주에", "last week", "la semaine dernière"),
    Time("future", "내일", "tomorrow", "demain"),
    Time("future", "다음 주에", "next week", "la semaine prochaine"),
    Time("future", "곧", "soon", "bientôt"),
)

DETERMINERS = (
    Determiner("", "the", ("le", "la", "le", "la")),
    Determiner("이", "this", ("ce", "cette", "cet", "cette")),
    Determiner("제", "my", ("mon", "ma", "mon", "mon")),
    Determiner("우리", "our", ("notre", "notre", "notre", "notre")),
)

INTERESTING = Quality("재미있는", "interesting", ("intéressant", "intéressante"))
BORING = Quality("지루한", "boring", ("ennuyeux", "ennuyeuse"))
FAMOUS = Quality("유명한", "famous", ("célèbre", "célèbre"))
DELICIOUS = Quality("맛있는", "delicious", ("délicieux", "délicieuse"))
EXPENSIVE = Quality("비싼", "expensive", ("cher", "chère"))
HOT = Quality("뜨거운", "hot", ("chaud", "chaude"))
COLD = Quality("차가운", "cold", ("froid", "froide"))

TEXT, MUSIC, SCREEN = (Kind(name, (INTERESTING, BORING, FAMOUS)) for name in ("text", "music", "screen"))
FOOD, DRINK = Kind("food", (DELICIOUS, EXPENSIVE)), Kind("drink", (HOT, COLD))

NOUNS = (
    Noun(TEXT, "책", "book", "livre"),
    Noun(TEXT, "편지", "letter", "lettre", feminine=True),
    Noun(TEXT, "이야기", "story", "histoire", feminine=True),
    Noun(TEXT, "기사", "article", "article"),
    Noun(MUSIC, "노래", "song", "chanson", feminine=True),
    Noun(MUSIC, "앨범", "album", "album"),
    Noun(SCREEN, "영화", "film", "film"),
    Noun(SCREEN, "드라마", "series", "série", feminine=True),
    Noun(FOOD, "빵", "bread", "pain"),
    Noun(FOOD, "사과", "apple", "pomme", feminine=True),
    Noun(FOOD, "케이크", "cake", "gâteau"),
    Noun(FOOD, "오렌지", "orange", "orange", feminine=True),
    Noun(FOOD, "수프", "soup", "soupe", feminine=True),
    Noun(DRINK, "커피", "coffee", "café"),
    Noun(DRINK, "차", "tea", "thé"),
    Noun(DRINK, "우유", "milk", "lait"),
    Noun(DRINK, "물", "water", "eau", feminine=True),
)


def _verb(kinds: tuple[Kind, ...], korean: str, english: str, present: str, participle: str, future: str) -> Verb:
    """A verb of its forms with commas between: the Korean and English ones by tense, the French ones by person."""
    now, before, later = korean.split(", ")
    base, third, past = english.split(", ")
    forms: dict[Tense, str] = {"present": now, "past": before, "future": later}
    return Verb(kinds, forms, (base, third, past), tuple(present.split(", ")), participle, future)


VERBS = (
    _verb((TEXT,), "읽어요, 읽었어요, 읽을 거예요", "read, reads, read",
          "lis, lis, lit, lisons, lisez, lisent", "lu", "lir"),
    _verb((TEXT,), "써요, 썼어요, 쓸 거예요", "write, writes, wrote",
          "écris, écris, écrit, écrivons, écrivez, écrivent", "écrit", "écrir"),
    _verb((TEXT, MUSIC, FOOD, DRINK), "사요, 샀어요, 살 거예요", "buy, buys, bought",
          "achète, achètes, achète, achetons, achetez, achètent", "acheté", "achèter"),
    _verb((TEXT, MUSIC, FOOD, DRINK), "팔아요, 팔았어요, 팔 거예요", "sell, sells, sold",
          "vends, vends, vend, vendons, vendez, vendent", "vendu", "vendr"),
    _verb((TEXT, MUSIC, SCREEN, FOOD, DRINK), "골라요, 골랐어요, 고를 거예요", "choose, chooses, chose",
          "choisis, choisis, choisit, choisissons, choisissez, choisissent", "choisi", "choisir"),
    _verb((FOOD,), "먹어요, 먹었어요, 먹을 거예요", "eat, eats, ate",
          "mange, manges, mange, mangeons, mangez, mangent", "mangé", "manger"),
    _verb((DRINK,), "마셔요, 마셨어요, 마실 거예요", "drink, drinks, drank",
          "bois, bois, boit, buvons, buvez, boivent", "bu", "boir"),
    _verb((FOOD, DRINK), "만들어요, 만들었어요, 만들 거예요", "make, makes, made",
          "fais, fais, fait, faisons, faites, font", "fait", "fer"),
    _verb((MUSIC,), "들어요, 들었어요, 들을 거예요", "listen to, listens to, listened to",
          "écoute, écoutes, écoute, écoutons, écoutez, écoutent", "écouté", "écouter"),
    _verb((SCREEN,), "봐요, 봤어요, 볼 거예요", "watch, watches, watched",
          "regarde, regardes, regarde, regardons, regardez, regardent", "regardé", "regarder"),
)  # fmt: skip
AVOIR = ("ai", "as", "a", "avons", "avez", "ont")
FUTURE = ("ai", "as", "a", "ons", "ez", "ont")

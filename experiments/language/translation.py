"""Translating sentences, with and without attention: English to French, Korean to English.

A bidirectional GRU reads the sentence. A decoder with attention (Rao and McMahan 2019, chapter 8) says the translation, and one
without, which starts from the same state, has nothing else to go by: it falls behind as sentences grow longer (Bahdanau et al.
2015, figure 2). Both are trained with the decoder reading the target, unless `forcing` says how it is weaned from it, and the
model of the lowest validation loss is kept.

BLEU is that of the text, put together from the tokens again; its signature is kept with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

import minigrad

from .. import lab
from ..data.pairs import Pair, PairVectorizer, swapped
from ..data.readers import read_pairs
from ..data.tokens import Tokenizer, trained
from ..lab import Arrays, Claim, Experiment, Record, Table, UsageError, option
from ..lab.bleu import Bleu, corpus_bleu
from ..lab.experiment import Figures
from .pair_config import PairConfig
from .pair_data import check_splits, sampled
from .pair_decoding import Answer
from .pair_measures import in_bins, measure, named, source_lengths
from .pair_model import PairModel
from .pair_pictures import pictures
from .pair_prediction import predict
from .pair_training import PairTrainer, longest
from .pair_translation import translate

RAO = "Rao, McMahan 2019, Natural Language Processing with PyTorch, chapter 8"
Model = Literal["attention", "plain", "peeky"]
Tokens = Literal["spaced", "words", "characters", "syllables", "jamo", "subwords"]
TOKENS: dict[str, Tokens] = {"english-french": "spaced", "korean-english": "words", "korean-sentences": "words"}
RESAMPLES = 200  # corpora drawn for the interval of a bin's BLEU
LEARNED = 95.0  # BLEU on pairs that are memorised


@dataclass(frozen=True, kw_only=True)
class Config(PairConfig):
    """Settings of the experiment: those of the book by default, 11 epochs of English to French."""

    task: Literal["english-french", "korean-english", "korean-sentences"] = option(
        "english-french", "the sample, and the tokens that go with its languages"
    )
    data: Path | None = option(  # noqa: RUF009 (a Path is immutable)
        None, "the pairs: CSV, TSV, Tatoeba's list, or PATH of PATH.ko and PATH.en (default: the task's sample)"
    )
    count: int = option(4000, "pairs of the sample", quick=300, low=10)
    back: bool = option(False, "translate the other way: what is the target in the data is the source")
    models: tuple[Model, ...] = option(("attention", "plain"), "which are trained, one after another: attention, plain, peeky")
    source_tokens: Tokens | None = option(  # noqa: RUF009 (a Literal)
        None, "what a source is cut into (default: spaced for French, else words)"
    )
    target_tokens: Tokens | None = option(None, "what a target is cut into (default: the same)")  # noqa: RUF009
    subwords: int = option(4000, "subwords of a side at most", low=10)
    cutoff: int = option(1, "tokens rarer than this in the training pairs are <UNK>", low=1)
    longest: int = option(0, "leave out pairs with more tokens than this on a side; 0: none", low=0)
    reverse: bool = option(False, "read the source from its end")
    memorise: int = option(0, "train on so many training pairs, and judge by the same ones; 0: train and judge as usual", low=0)
    epochs: int = option(11, "epochs of each model at most", quick=2, low=1)
    lr: float = option(5e-4, "Adam's learning rate at first", low=0)
    plateau: bool = option(True, "halve lr when the validation loss stalls for two epochs")
    bidirectional: bool = option(True, "the encoder reads both ways")
    bridge: Literal["none", "linear", "tanh"] = option("linear", "between the encoder's last and the decoder's first state")
    attention: Literal["rao", "luong", "bahdanau"] = option("rao", "the decoder that attends")
    dropout: float = option(0.3, "probability of a unit to be dropped before the output and between layers", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.models)) != len(self.models):
            raise lab.UsageError(f"models={','.join(self.models)}: each is trained once")

    @property
    def memorises(self) -> bool:
        """Whether the pairs to train on and those to judge by are the same."""
        return bool(self.memorise) or (self.data is None and self.task == "korean-sentences")

    def sides(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The settings of `Side.of` for source and target."""
        shared: dict[str, Any] = {"cutoff": self.cutoff, "size": self.subwords}
        usual = TOKENS[self.task]
        source = shared | {"kind": self.source_tokens or usual, "reverse": self.reverse}
        return source, shared | {"kind": self.target_tokens or usual}


# ---- data


def read(config: Config) -> list[Pair]:
    """The pairs, in splits, as the settings choose them. Raises UsageError for a file that cannot be read."""
    pairs = read_pairs(config.data, config.seed) if config.data else sampled(config.task, config.count, config.seed)
    pairs = swapped(pairs) if config.back else pairs
    if config.longest:
        both = tokenizers(config, pairs)
        pairs = [pair for pair in pairs if longer_side(pair, both) <= config.longest]
    return memorised(pairs, config.memorise or len(pairs)) if config.memorises else pairs


def tokenizers(config: Config, pairs: Sequence[Pair]) -> tuple[Tokenizer, Tokenizer]:
    """What cuts sources and targets into tokens; subwords are those of the training pairs."""
    train = [pair for pair in pairs if pair.split == "train"]
    texts = [pair.source for pair in train], [pair.target for pair in train]
    source, target = (trained(str(side["kind"]), text, config.subwords) for side, text in zip(config.sides(), texts))
    return source, target


def longer_side(pair: Pair, tokenizers: tuple[Tokenizer, Tokenizer]) -> int:
    """The tokens of the longer side."""
    return max(len(tokenizer.tokenize(text)) for tokenizer, text in zip(tokenizers, (pair.source, pair.target)))


def memorised(pairs: Sequence[Pair], count: int) -> list[Pair]:
    """The first `count` training pairs with different sources, as train, val and test.

    Raises:
        UsageError: there are not so many.
    """
    distinct = {pair.source.casefold(): pair for pair in reversed(pairs) if pair.split == "train"}
    kept = list(reversed(distinct.values()))[:count]
    if len(kept) < count:
        raise UsageError(f"memorise={count}: there are {len(kept)} training pairs with different sources")
    return [replace(pair, split=split) for split in ("train", "val", "test") for pair in kept]


# ---- training and measuring


def trainer_of(config: Config, pairs: Sequence[Pair], name: Model) -> PairTrainer:
    """One model, its weights drawn from the seed."""
    vectorizer = PairVectorizer.from_pairs(pairs, *config.sides())
    data = vectorizer.data(pairs)
    check_splits(data, f"--data {config.data}" if config.data else f"the sample {config.task}")
    architecture = config.architecture(vectorizer, name)
    minigrad.manual_seed(config.seed)
    model = architecture.build(config.floating, config.device)
    return PairTrainer(config, PairModel(model, architecture, vectorizer, longest(data)), data)


def run(config: Config, record: Record) -> Arrays:
    """Train every model, keep its best epoch, translate the test sentences."""
    corpus_bleu(["a"], ["a"])  # where the library is missing, say so before hours of training
    pairs = read(config)
    arrays: Arrays = {}
    for name in config.models:
        trainer = trainer_of(config, pairs, name)
        epochs = trainer.run(record, name)
        answers, said = trainer.answers("test", config.beam), trainer.said["test"]
        found = measure(trainer, epochs, answers)
        arrays |= named(name, found | bleu(answers, said, in_bins(source_lengths(trainer), found["length_bins"])))
    return arrays | {"sources": np.array([pair.source for pair in trainer.data["test"].pairs]), "targets": np.array(said)}


def bleu(answers: Sequence[Answer], said: Sequence[str], bins: Sequence[np.ndarray]) -> Arrays:
    """BLEU of all answers with its signature, and of those in each bin of source lengths with half its 95 % interval."""
    texts = [answer.text for answer in answers]
    whole = corpus_bleu(texts, said)
    parts = [_resampled(texts, said, rows) for rows in bins]
    return {
        "bleu": np.array(whole.score),
        "bleu_signature": np.array(whole.signature),
        "bleu_by_length": np.array([part.score for part in parts]),
        "bleu_margins": np.array([part.margin for part in parts]),
    }


def _resampled(texts: Sequence[str], said: Sequence[str], rows: np.ndarray) -> Bleu:
    return corpus_bleu([texts[i] for i in rows], [said[i] for i in rows], effective_order=True, resamples=RESAMPLES)


# ---- what is shown


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """The test figures beside those of the book's model in PyTorch, on its data; pairs that are memorised are judged."""
    found = []
    for name in config.models:
        loss, score = float(arrays[f"{name}_test_loss"]), float(arrays[f"{name}_bleu"])
        if config.memorises:
            sentence = f"{name}: BLEU on the {len(arrays['targets'])} pairs that it was trained on"
            found.append(Claim.at_least(sentence, "what was taught can be said again", bound=LEARNED, obtained=score))
            continue
        text = f"{loss:.3f}, {arrays[f'{name}_test_accuracy']:.1%}, BLEU {score:.1f}"
        sentence = f"{name}: cross-entropy of a test word, the decoder reading the target; likeliest words right; BLEU"
        found.append(Claim.reported(sentence, RAO, obtained=text))
    return found


def plot(config: Config, arrays: Arrays) -> Figures:
    """Learning curves, BLEU and exact answers by length, alignments, and how far back the gradient reaches."""
    return pictures(config.models, arrays)


def table(config: Config, arrays: Arrays) -> Table:
    """The test figures of each kept model."""
    rows = []
    for name in config.models:
        kept, epochs = int(arrays[f"{name}_kept_epoch"]), len(arrays[f"{name}_val_loss"])
        loss, accuracy = float(arrays[f"{name}_test_loss"]), arrays[f"{name}_test_accuracy"]
        shares = f"{accuracy:.1%}", f"{arrays[f'{name}_bleu']:.1f}", f"{arrays[f'{name}_exact'].mean():.1%}"
        rows.append([name, f"{kept} of {epochs}", f"{loss:.3f}", f"{np.exp(loss):.1f}", *shares])
    what = "pairs that were memorised" if config.memorises else "test sentences"
    title = f"{len(arrays['targets'])} {what}; the models of the epoch with the lowest validation loss"
    return Table(title, ["model", "epoch", "loss", "perplexity", "words right", "BLEU", "exact"], rows)


EXPERIMENT = Experiment(
    name="translate",
    summary="English to French or Korean to English, with and without attention",
    source="Rao, McMahan 2019, chapter 8; Bahdanau et al. 2015; Luong et al. 2015",
    runtime="30 s on the sample, 4 min on 13,062 pairs",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
    predict=predict,
    translate=translate,
)

"""A text, character by character: a recurrent network reads it, and says how it might go on (Karpathy 2015).

    h_t = LSTM(E[y_{t−1}], h_{t−1}),    p(y_t | y_1 … y_{t−1}) = softmax(W h_t + b)

trained by truncated backpropagation through time: the text is cut into columns that are read side by side, T characters at
a time, and the state is carried from one window to the next (`text_training`). The last tenth of the text is kept back: half
of it chooses the model, half of it tests it, in bits per character, −log₂ p averaged. Counting n-grams is what it is
compared with (`ngrams`), as in Karpathy, Johnson and Fei-Fei 2015, §4.2.

`python -m experiments sample text --prompt "Shall I"` lets it go on. A megabyte of text takes two minutes:

    python -m experiments run text --text input.txt --set epochs=4 columns=50 hidden=256
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

import minigrad
from layers.seq2seq import LanguageModel
from minigrad import Tensor, optim

from .. import lab
from ..data.loader import Loader
from ..data.stream import Stream, Window, cut
from ..data.text import Characters
from ..data.vocabulary import Vocabulary
from ..lab import Arrays, Claim, Experiment, Record, Table, option
from ..lab.checkpoint import fingerprint
from ..lab.early_stopping import EarlyStopping
from ..lab.sampling import SampleRequest
from ..lab.training import Training
from .ngrams import ngram_bits
from .text_figures import plot
from .text_generator import sample, say
from .text_training import Reading, bits, bits_by_context

KARPATHY = "Karpathy 2015, The unreasonable effectiveness of recurrent neural networks"
KARPATHY_JOHNSON = "Karpathy, Johnson, Fei-Fei 2015, §4.2"
TEMPERATURES = (0.5, 0.8, 1.0)
CONTEXT, EXCERPT, SAMPLE = 60, 480, 400  # characters: of context, of the text that is coloured, of each sample


@dataclass(frozen=True, kw_only=True)
class Config(lab.TrainingConfig):
    """Settings of the experiment."""

    text: Path | None = option(None, "text to learn (default: eight of Shakespeare's sonnets)")  # noqa: RUF009 (it is immutable)
    kind: Literal["elman", "gru", "lstm"] = option("lstm", "the recurrent layers")
    embedding: int = option(32, "size of a character's vector", quick=16, low=1)
    hidden: int = option(128, "size of the state", quick=64, low=1)
    layers: int = option(1, "recurrent layers", low=1)
    dropout: float = option(0.0, "probability of a unit to be dropped, after each layer", low=0)
    columns: int = option(16, "B, the columns that the training text is cut into", quick=8, low=1)
    T: int = option(50, "steps of a window, after which the gradient is cut off", low=1)
    epochs: int = option(40, "times that the text is read, at most", quick=12, low=1)
    patience: int = option(4, "stop after this many epochs on end that were no better than the best", low=1)
    lr: float = option(4e-3, "Adam's learning rate at first; halved when the validation text gets no better", quick=1e-2, low=0)
    max_norm: float = option(5.0, "the norm of all gradients together is clipped to this", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dropout > 1:
            raise lab.UsageError(f"dropout={self.dropout:g}: must be at most 1")


def build(config: Config, V: int) -> LanguageModel:
    """The model, its weights drawn from the seed."""
    minigrad.manual_seed(config.seed)
    return LanguageModel(
        V,
        config.embedding,
        config.hidden,
        config.layers,
        kind=config.kind,
        dropout=config.dropout,
        padding_idx=None,
        device=config.device,
        dtype=config.floating,
    )


class Trainer:
    """A model with all that it takes to train it."""

    def __init__(self, config: Config, model: LanguageModel, texts: dict[str, np.ndarray]) -> None:
        self.model, self.texts = model, texts
        self.reading = Reading(model)
        self.loader = Loader(Stream(texts["train"], config.columns, config.T), 1)
        self.optimizer = optim.Adam(model.parameters(), lr=config.lr)
        self.stopping = EarlyStopping(model, config.patience, than="best")
        self.training = Training(
            model=model,
            optimizer=self.optimizer,
            batches=lambda: self.loader,
            loss=self.loss,
            evaluate=self.evaluate,
            epochs=config.epochs,
            max_norm=config.max_norm,
            scheduler=optim.lr_scheduler.ReduceLROnPlateau(self.optimizer, mode="min", factor=0.5, patience=0),
            stopping=self.stopping,
            monitor="val_bits",
            layer_norms=config.layer_norms,
            sources={"loader": self.loader},
            data=fingerprint(*texts.values()),
        )

    def loss(self, window: Window) -> Tensor:
        """The mean of −ln p over the characters of a window."""
        return self.reading.losses(window).mean()

    def evaluate(self) -> dict[str, float]:
        """Bits per character of the validation text."""
        return {"val_bits": float(bits(self.model, self.texts["val"]).mean())}


def read(config: Config) -> tuple[str, dict[str, np.ndarray]]:
    """The alphabet of the text, and the ids of its three parts. Raises UsageError for a text that is too short."""
    text = Characters.read(config.text, least=20 * (CONTEXT + 1))
    texts = cut(text.ids)
    if len(texts["train"]) <= config.columns:
        name = f"--text {config.text}" if config.text else "the default text"
        raise lab.UsageError(f"{name}: {len(texts['train'])} characters to learn are too few for columns={config.columns}")
    return text.alphabet, texts


def run(config: Config, record: Record) -> Arrays:
    """Train, keep the best model, measure it on the test text and let it say something; model and alphabet are saved."""
    letters, texts = read(config)
    alphabet = Vocabulary(letters)
    trainer = Trainer(config, build(config, len(alphabet)), texts)
    epochs = trainer.training.run(record)
    record.save("alphabet.json", alphabet.to_serializable())
    model, test = trainer.model, texts["test"]
    requests = [SampleRequest(temperature=t, length=SAMPLE, seed=config.seed) for t in TEMPERATURES]
    test_bits = bits(model, test)
    return {
        "train_bits": np.array([epoch["train_loss"] for epoch in epochs]) / math.log(2),
        "val_bits": np.array([epoch["val_bits"] for epoch in epochs]),
        "lr": np.array([epoch["lr"] for epoch in epochs]),
        "kept_epoch": np.array(trainer.stopping.best_epoch),
        "characters": np.array([len(part) for part in texts.values()]),
        "test_bits": np.array(test_bits.mean()),
        "context_bits": bits_by_context(model, test, CONTEXT),
        "ngram_bits": ngram_bits(texts["train"], test, len(alphabet)),
        "excerpt": np.array([letters[i] for i in test[1 : EXCERPT + 1]]),
        "excerpt_bits": test_bits[:EXCERPT],
        "temperatures": np.array(TEMPERATURES),
        "samples": np.array([say(model, alphabet, request)[0] for request in requests]),
    }


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """Whether reading beats counting, and the figure that others have to compare with."""
    best, obtained = float(arrays["ngram_bits"].min()), float(arrays["test_bits"])
    order = int(arrays["ngram_bits"].argmin()) + 1
    return [
        Claim.at_most(
            "bits per character of the test text: the network beats the bigrams of the training text",
            KARPATHY_JOHNSON,
            bound=float(arrays["ngram_bits"][:2].min()),
            obtained=obtained,
        ),
        Claim.reported(
            f"the same beside the best n-grams, n = {order} (with much to learn from, the network is better)",
            KARPATHY_JOHNSON,
            expected=f"< {best:.3f}",
            obtained=f"{obtained:.3f}",
        ),
    ]


def table(config: Config, arrays: Arrays) -> Table:
    """Bits per character of the test text, under the network and under n-grams."""
    train, _, test = (int(count) for count in arrays["characters"])
    epochs, kept = len(arrays["val_bits"]), int(arrays["kept_epoch"])
    found = {f"{config.kind.upper()}, {config.hidden} units, epoch {kept} of {epochs}": arrays["test_bits"]}
    found |= {f"{n}-grams": value for n, value in enumerate(arrays["ngram_bits"], 1)}
    rows = [[name, f"{value:.3f}", f"{value * math.log(2):.3f}", f"{2**value:.2f}"] for name, value in found.items()]
    title = f"{test} characters of the test text, after learning from {train}"
    return Table(title, ["model", "bits per character", "nats", "perplexity"], rows)


EXPERIMENT = Experiment(
    name="text",
    summary="an LSTM learns a text character by character, and says how it might go on",
    source="Karpathy 2015; Mikolov et al. 2010",
    runtime="5 s on the sonnets, 2 min on 1 MB with epochs=4 columns=50 hidden=256",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
    sample=sample,
)

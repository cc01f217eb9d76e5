"""A variational autoencoder of sequences (Kingma and Welling 2014; of sentences, Bowman et al. 2016).

An encoder gives a distribution of a code z (Z,), from which a decoder says the sequence again:

    q(z | x) = N(μ, diag σ²),   [μ; ln σ²] = W h_n + b,        z = μ + σ ⊙ ε,  ε ~ N(0, I)                              (1)
    s_0 = tanh(U z + u),        p(x | z) = Π_t p(x_t | x_1 … x_{t−1}, s_0)                                             (2)

and is trained on the bound ln p(x) ≥ E_q[ln p(x | z)] − KL, with the divergence of q from the prior N(0, I)

    KL = ½ Σ_j (μ_j² + σ_j² − 1 − ln σ_j²)                                                                             (3)

whose weight is best raised from 0 to 1 during training (Bowman et al. 2016, section 3.1): else the decoder learns to do without
z. For the same reason ids that the decoder reads may be replaced by UNK (`word_dropout`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import minigrad
from minigrad import Tensor
from minigrad.random import Generator

from ..linear import Linear
from ..module import Module
from .decoder import Decoder, State
from .encoder import Encoder


class Bound(NamedTuple):
    """The two sides of the bound on a batch."""

    logits: Tensor  # (T, B, V), for the cross-entropy with the sequence
    divergence: Tensor  # KL of each sequence, (B,)


class SequenceVAE(Module):
    """Encoder, code and decoder (equations at the head of this file).

    Args:
        encoder: any Encoder.
        decoder: a Decoder, plain or peeky.
        code_size: Z.
        word_dropout: the probability that the decoder reads `unknown` in place of an id, in training.
        unknown: the id of UNK.
        device: where W, b, U, u live.
        dtype: their floating type.

    Raises:
        ValueError: `word_dropout` is no probability.
    """

    def __init__(
        self,
        encoder: Encoder,
        decoder: Decoder,
        code_size: int,
        *,
        word_dropout: float = 0.0,
        unknown: int = 1,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if not 0 <= word_dropout <= 1:
            raise ValueError(f"word_dropout should be in [0, 1], but got {word_dropout}")
        self.encoder, self.decoder, self.code_size = encoder, decoder, code_size
        self.word_dropout, self.unknown = word_dropout, unknown
        rnn = decoder.rnn
        sizes = [rnn.num_layers * size for size in rnn.state_sizes()]
        self.to_code = Linear(encoder.output_size, 2 * code_size, device=device, dtype=dtype)
        self.to_state = Linear(code_size, sum(sizes), device=device, dtype=dtype)

    def encode(self, source: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return μ and ln σ² (B, Z) by (1), for ids (S, B) of lengths (B,)."""
        h, directions = self.encoder(source, lengths).states[0], self.encoder.rnn.directions
        h_n = minigrad.cat(list(h[-directions:].unbind(0)), 1)
        mean, log_variance = self.to_code(h_n).chunk(2, 1)
        return mean, log_variance

    def start(self, z: Tensor) -> State:
        """Return the decoder's state before its first step, by (2), for codes (B, Z): what the searches start from."""
        rnn = self.decoder.rnn
        flat = minigrad.tanh(self.to_state(z)).split([rnn.num_layers * size for size in rnn.state_sizes()], 1)
        states = tuple(part.reshape(len(z), rnn.num_layers, -1).transpose(0, 1) for part in flat)
        return State(states, states[0][-1] if self.decoder.peeky else None)

    def prior(self, batch: int, generator: Generator | None = None) -> Tensor:
        """Draw codes (B, Z) from N(0, I)."""
        like = self.to_code.weight
        return minigrad.randn(batch, self.code_size, generator=generator, dtype=like.dtype, device=like.device)

    def forward(self, source: Tensor, lengths: Tensor | None, target: Tensor) -> Bound:
        """Return the scores of what follows each id of the target (T, B), and KL (3).

        In evaluation z = μ.
        """
        mean, log_variance = self.encode(source, lengths)
        z = mean + (0.5 * log_variance).exp() * self.prior(len(mean)) if self.training else mean
        if self.training and self.word_dropout:
            kept = minigrad.rand(*target.shape, device=target.device) >= self.word_dropout
            kept[0] = True  # what begins a sequence is always read
            target = minigrad.where(kept, target, self.unknown)
        features, _ = self.decoder.forced(self.decoder.embed(target), self.start(z))
        return Bound(self.decoder.project(features), divergence(mean, log_variance))


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL (3) of each row of μ and ln σ², (B,)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)

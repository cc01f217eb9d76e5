"""An encoder and a decoder tied together: p(y | x) = Π_t p(y_t | y_1 … y_{t−1}, x) (Sutskever et al. 2014; Cho et al. 2014).

In training the decoder reads the target (teacher forcing, Williams and Zipser 1989) or, at some steps, what it would have said
itself (scheduled sampling, Bengio S. et al. 2015). No gradient passes through what it said: an id is no differentiable
function of the scores.
"""

from __future__ import annotations

from typing import NamedTuple

import minigrad
from minigrad import Tensor

from ..module import Module
from .decoder import Features, State, StepwiseDecoder, gathered
from .encoder import Bridge, Encoded, Encoder


class Outputs(NamedTuple):
    """What a model says to a batch of pairs."""

    logits: Tensor  # (T, B, V)
    alignments: Tensor | None  # the attention's weights, (T, B, S); None without one


class Seq2Seq(Module):
    """Encoder, bridge and decoder.

    Args:
        encoder: from source ids to states.
        decoder: a Decoder, BahdanauDecoder or LuongDecoder.
        bridge: from the encoder's last states to the decoder's first; None where they have the same form.
        sample: what the decoder reads where it does not read the target: an id drawn from its softmax if True, as Bengio et
            al. have it, else the likeliest.
    """

    def __init__(
        self, encoder: Encoder, decoder: StepwiseDecoder, bridge: Bridge | None = None, *, sample: bool = False
    ) -> None:
        super().__init__()
        self.encoder, self.bridge, self.decoder, self.sample = encoder, bridge, decoder, sample

    def encode(self, source: Tensor, lengths: Tensor | None = None) -> Encoded:
        """Return the encoder's outputs, and the states from which the decoder starts (see Encoder.forward)."""
        encoded = self.encoder(source, lengths)
        return encoded if self.bridge is None else self.bridge(encoded)

    def start(self, source: Tensor, lengths: Tensor | None = None) -> State:
        """Return the decoder's state before its first step."""
        return self.decoder.start(self.encode(source, lengths))

    def features(self, source: Tensor, lengths: Tensor | None, target: Tensor) -> Features:
        """Return what the decoder says under full teacher forcing, before `decoder.project`.

        A loss that ignores padding need not pay for its scores: `decoder.project(features[target_out != padding])`.
        """
        return self.decoder.forced(self.decoder.embed(target), self.start(source, lengths))

    def run(self, source: Tensor, lengths: Tensor | None, target: Tensor, teacher_forcing_ratio: float = 1.0) -> Outputs:
        """Return the scores and the attention's weights: `forward` says arguments and errors."""
        if not 0 <= teacher_forcing_ratio <= 1:
            raise ValueError(f"teacher_forcing_ratio should be in [0, 1], but got {teacher_forcing_ratio}")
        if teacher_forcing_ratio == 1:
            features, alignments = self.features(source, lengths, target)
            return Outputs(self.decoder.project(features), alignments)
        return self._sampled(target, self.start(source, lengths), teacher_forcing_ratio)

    def forward(self, source: Tensor, lengths: Tensor | None, target: Tensor, teacher_forcing_ratio: float = 1.0) -> Tensor:
        """Return the scores z (T, B, V) of what follows each id of the target.

        Args:
            source: ids (S, B).
            lengths: of the sources, (B,) on the CPU; None: all of length S.
            target: ids (T, B), the first row those that begin a sequence; z_t is to be compared with the row after.
            teacher_forcing_ratio: with which probability an id is read from the target at t > 0, for each sequence and step
                anew; else it is the decoder's own.

        Raises:
            ValueError: the ratio is no probability; the encoder's states do not fit the decoder.
            RuntimeError: the lengths do not fit the source.
        """
        return self.run(source, lengths, target, teacher_forcing_ratio).logits

    def _sampled(self, target: Tensor, state: State, ratio: float) -> Outputs:
        """Return scores where each step reads the target with probability `ratio`, else what the step before said."""
        read = minigrad.rand(*target.shape, device=target.device) < ratio
        ids = target[0]
        scores: list[Tensor] = []
        alignments: list[Tensor | None] = []
        for t in range(len(target)):
            if t > 0:
                ids = minigrad.where(read[t], target[t], self._said(scores[-1].detach()))
            logits, state, weights = self.decoder.step(ids, state)
            scores.append(logits)
            alignments.append(weights)
        return Outputs(*gathered(scores, alignments))

    def _said(self, logits: Tensor) -> Tensor:
        """Return the ids (B,) that the decoder reads back, of scores (B, V)."""
        if self.sample:
            return minigrad.multinomial(logits.softmax(1), 1).squeeze(1)
        return logits.argmax(1)

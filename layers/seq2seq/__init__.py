"""Encoder, decoders and Seq2Seq, which ties them; search.py and beam.py find sequences. Read decoder.py first."""

from . import schedules
from .attention_decoder import BahdanauDecoder, LuongDecoder
from .beam import Hypothesis, beam_search, length_penalty
from .decoder import Decoder, Features, State, StepwiseDecoder
from .encoder import Bridge, Encoded, Encoder
from .language_model import LanguageModel
from .model import Outputs, Seq2Seq
from .search import Found, greedy, keep_nucleus, keep_top_k, sample, search
from .vae import Bound, SequenceVAE

__all__ = [
    "BahdanauDecoder", "Bound", "Bridge", "Decoder", "Encoded", "Encoder", "Features", "Found", "Hypothesis", "LanguageModel",
    "LuongDecoder", "Outputs", "Seq2Seq", "SequenceVAE", "State", "StepwiseDecoder", "beam_search", "greedy", "keep_nucleus",
    "keep_top_k", "length_penalty", "sample", "schedules", "search",
]  # fmt: skip

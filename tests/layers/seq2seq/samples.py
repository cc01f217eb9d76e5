"""The models that the tests of this folder walk: every kind of decoder, small, in float64."""

from __future__ import annotations

from typing import Any

import minigrad
from layers.seq2seq import BahdanauDecoder, Bridge, Decoder, Encoder, LuongDecoder, Seq2Seq

V, E, H = 7, 3, 4
BEGIN, END = 1, 2

DECODERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "plain": (Decoder, {}),
    "peeky": (Decoder, {"peeky": True}),
    "Bahdanau": (BahdanauDecoder, {}),
    "Bahdanau, concat": (BahdanauDecoder, {"score": "concat", "attention_size": 5}),
    "Luong": (LuongDecoder, {}),
    "Luong, context": (LuongDecoder, {"feed": "context", "combine": False}),
    "Luong, no feeding": (LuongDecoder, {"feed": None, "score": "additive"}),
    "Luong, no feeding, uncombined": (LuongDecoder, {"feed": None, "combine": False}),
}
ATTENDING = [name for name in DECODERS if name not in ("plain", "peeky")]
PARALLEL = ["plain", "peeky", "Luong, no feeding", "Luong, no feeding, uncombined"]


def model(name: str, kind: str = "gru", num_layers: int = 1, bidirectional: bool = True, seed: int = 0, **more: Any) -> Seq2Seq:
    """A model with the decoder of a name, in float64 and evaluation mode, its weights larger than by default."""
    minigrad.manual_seed(seed)
    encoder = Encoder(V, E, H, num_layers, kind=kind, bidirectional=bidirectional, dtype=minigrad.float64)
    make, settings = DECODERS[name]
    if name in ATTENDING:
        settings = settings | {"source_size": encoder.output_size}
    decoder = make(V, E, H, num_layers, kind=kind, dtype=minigrad.float64, **settings, **more)
    made = Seq2Seq(encoder, decoder, Bridge(encoder, H, dtype=minigrad.float64)).eval()
    with minigrad.no_grad():
        for weight in made.parameters():
            weight.mul_(2.0)
    return made


def batch(seed: int = 0, S: int = 5, T: int = 4) -> tuple[minigrad.Tensor, minigrad.Tensor, minigrad.Tensor]:
    """Source (S, 3), its lengths and a target (T, 3) that begins with BEGIN."""
    minigrad.manual_seed(seed + 1000)
    lengths = minigrad.tensor([S, 1, S - 2])
    source = minigrad.randint(3, V, (S, 3))
    source = minigrad.where(minigrad.arange(S).unsqueeze(1) < lengths, source, 0)
    target = minigrad.randint(2, V, (T, 3))
    target[0] = BEGIN
    return source, lengths, target

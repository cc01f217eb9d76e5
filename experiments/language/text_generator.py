"""A trained model of a text: it goes on with a prompt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import minigrad
from layers.seq2seq import LanguageModel
from minigrad.random import Generator

from ..data.vocabulary import Vocabulary
from ..lab import UsageError
from ..lab.files import read_json
from ..lab.sampling import SampleRequest
from .stored import load_language_model

LENGTH = 500  # characters, unless told otherwise
NO_END = -1  # no character ends a text


def say(model: LanguageModel, alphabet: Vocabulary, request: SampleRequest) -> list[str]:
    """Texts that begin with the request's prompt and go on for its length; without a prompt, after a line end.

    Raises:
        UsageError: the prompt has a character that the model does not know.
    """
    for character in request.prompt:
        if character not in alphabet:
            raise UsageError(f"--prompt {request.prompt}: the text that the model has read has no {character!r}")
    prompt = request.prompt or ("\n" if "\n" in alphabet else alphabet.lookup_index(0))
    *read, last = map(alphabet.lookup_token, prompt)
    place, count = model.decoder.output.weight.device, request.count or 1
    with minigrad.no_grad():
        state = model.start(count)
        if read:
            _, state = model.read(minigrad.tensor([[i] * count for i in read], device=place), state)
    generator, length = Generator(place).manual_seed(request.seed), request.length or LENGTH
    found = request.draw(model.decoder, state, generator, begin=last, end=NO_END, length=length)
    return [request.prompt + "".join(map(alphabet.lookup_index, ids)) for ids in found.sequences()]


def sample(folder: Path, request: SampleRequest) -> Iterator[str]:
    """What the model of a run of `text` says; several texts have a line with their numbers between them.

    Raises:
        UsageError: a file of the run is missing or damaged, or the request asks for what a text has not.
    """
    if request.nationalities:
        raise UsageError(f"--nationality: {folder} is a run of 'text', which knows no nationalities")
    path = folder / "alphabet.json"
    try:
        alphabet = Vocabulary.from_serializable(read_json(path))
    except ValueError as error:
        raise UsageError(f"{path}: is damaged: {error}") from None
    model = load_language_model(folder / "model.safetensors", len(alphabet), padding=None)
    texts = say(model, alphabet, request)
    for number, text in enumerate(texts, 1):
        yield f"--- {number}\n{text}" if len(texts) > 1 else text

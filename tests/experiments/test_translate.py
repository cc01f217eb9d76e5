"""The command ``translate`` on runs of additions and of dates: what it prints, what it tells on stderr, what it refuses."""

import io
import json
import shutil
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from experiments.__main__ import main
from experiments.lab import UsageError
from experiments.lab.sampling import SampleRequest
from experiments.lab.translation import TranslationRequest
from experiments.language.pair_translation import chosen, translate

from .small_runs import refused

SMALL = ["count=2000", "epochs=1", "batch_size=10", "embedding=8", "hidden=16", "lr=0.02", "initial=torch"]


@pytest.fixture(scope="module")
def dates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dates") / "run"
    assert main(["run", "dates", "--set", *SMALL[:-1], "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def additions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("additions") / "run"
    assert main(["run", "addition", "--set", *SMALL, "variants=plain,peeky", "--out", str(folder)]) == 0
    return folder


def printed(arguments, capsys):
    """The lines on stdout and those on stderr of a command that succeeds."""
    capsys.readouterr()
    assert main(["translate", *map(str, arguments)]) == 0
    out, err = capsys.readouterr()
    return out.split("\n")[:-1], err.split("\n")[:-1]


def test_the_answers_are_those_that_the_run_has_stored(dates, additions, capsys):
    for folder, model in ((dates, "attention"), (additions, "plain"), (additions, "peeky")):
        arrays = np.load(folder / "arrays.npz")
        sources, answers = arrays["sources"].tolist(), arrays[f"{model}_answers"].tolist()
        out, _ = printed([folder, *sources, "--model", model], capsys)
        assert out == [answer.strip() for answer in answers]
        assert len(set(answers)) > 1


def test_files_and_stdin_are_answered_line_by_line(dates, tmp_path, monkeypatch, capsys):
    text = "\ufeff9/2/83\r\n\r\n  may 4, 1999 \r\n".encode()
    (tmp_path / "dates.txt").write_bytes(text)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    outputs = [
        printed([dates, *given], capsys)[0] for given in (["9/2/83", "", "may 4, 1999"], ["--file", tmp_path / "dates.txt"], [])
    ]
    assert outputs[0] == outputs[1] == outputs[2]
    assert len(outputs[0]) == 3 and outputs[0][1] == ""


def test_many_lines_are_answered_as_one_by_one(dates):
    lines = [f"{day}/{month}/90" if day % 3 else "" for day in range(1, 13) for month in range(1, 29)]
    together = [answer.text for answer in translate(dates, lines, TranslationRequest())]
    assert len(together) == len(lines) > 300
    for number in (0, 2, 129, 335):
        (alone,) = translate(dates, [lines[number]], TranslationRequest())
        assert alone.text == together[number]


def test_what_the_model_does_not_know_is_told(dates, capsys):
    out, err = printed([dates, "9/2/83", "9 ★ 2 ◆ 83 ★"], capsys)
    assert len(out) == 2
    assert err[0] == "line 2: not in the training sources, read as <UNK>: ★ ◆"
    assert printed([dates, "9/2/83"], capsys)[1] == []
    (answer,) = translate(dates, ["9★2"], TranslationRequest(align=True))
    assert answer.source_tokens == ("9", "(★)", "2", "<END>")


def test_subwords_name_the_characters_that_they_lack(tmp_path, capsys):
    pytest.importorskip("tokenizers")
    pytest.importorskip("sacrebleu")
    out = tmp_path / "run"
    settings = ["count=60", "epochs=1", "embedding=4", "hidden=4", "models=plain", "source_tokens=subwords", "subwords=60"]
    assert main(["run", "translate", "--set", *settings, "--out", str(out)]) == 0
    _, err = printed([out, "He ★ reads ◆★.", "He reads."], capsys)
    notes = [line for line in err if "not in the training sources" in line]
    assert notes == ["line 1: not in the training sources, read as <UNK>: ★ ◆"]


def test_an_answer_with_unknown_words_or_without_an_end_is_told(dates, monkeypatch, capsys):
    """A decoder that is bent: every token it says is <UNK>."""
    bent = chosen(dates, None)
    bias = bent.model.decoder.output.bias.detach()
    bias[1] = 1000.0
    monkeypatch.setattr("experiments.language.pair_translation.chosen", lambda *_: bent)
    out, err = printed([dates, "9/2/83"], capsys)
    assert out == ["<UNK>" * 10]
    assert err == ["line 1: 10 times <UNK> in the answer: a word that the model has not learned to say"]
    side = bent.vectorizer.target.vectorizer
    object.__setattr__(side, "end", True)  # as if answers should end
    assert printed([dates, "9/2/83"], capsys)[1][1] == "line 1: cut off after 10 tokens: the answer did not end"


def test_a_beam_of_one_is_greedy_and_a_wide_one_finds_no_worse(dates):
    from experiments.language.pair_decoding import Translator

    model, lines = chosen(dates, None), ["9/2/83", "may 4, 1999", "SUNDAY, MARCH 1, 1970"]
    greedy, wide = Translator(model)(lines), Translator(model, beam=5, alpha=0.0)(lines)
    assert all(b.log_p >= a.log_p - 1e-5 for a, b in zip(greedy, wide))
    assert [a.text for a in translate(dates, lines, TranslationRequest(beam=5))] == [a.text.strip() for a in wide]


def test_what_a_beam_attended_to_is_what_greedy_search_attended_to(dates):
    """Where both have found one answer, reading it again gives the weights of saying it."""
    lines = ["9/2/83", "may 4, 1999", "SUNDAY, MARCH 1, 1970", "Jan 1, 2001"]
    greedy = list(translate(dates, lines, TranslationRequest(align=True)))
    beam = list(translate(dates, lines, TranslationRequest(beam=2, align=True)))
    same = [(a, b) for a, b in zip(greedy, beam) if a.text == b.text]
    assert same
    for a, b in same:
        assert a.target_tokens == b.target_tokens and a.source_tokens == b.source_tokens
        np.testing.assert_allclose(a.weights, b.weights, atol=1e-5)
    for answer in greedy + beam:
        assert answer.weights.shape == (len(answer.target_tokens), len(answer.source_tokens))
        np.testing.assert_allclose(answer.weights.sum(axis=1), 1, atol=1e-5)


def test_draws_depend_on_their_seed_and_temperature(dates):
    def drawn(**options):
        return [answer.text for answer in translate(dates, ["9/2/83"] * 5, TranslationRequest(drawn=SampleRequest(**options)))]

    assert drawn(seed=1) == drawn(seed=1) != drawn(seed=2)
    assert len(set(drawn())) > 1
    (greedy,) = translate(dates, ["9/2/83"], TranslationRequest())
    assert set(drawn(temperature=0)) == set(drawn(top_k=1)) == set(drawn(temperature=1e-4)) == {greedy.text}


def test_a_picture_of_the_attention(dates, tmp_path, capsys):
    for name in ("map.png", "map.svg", "map.pdf"):
        out, err = printed([dates, "9/2/83", "--align", tmp_path / name, "", "may 4, 1999"], capsys)
        assert len(out) == 3 and not err
        assert (tmp_path / name).stat().st_size > 1000
    assert np.ptp(matplotlib.image.imread(tmp_path / "map.png")) > 0.5
    assert len(list(tmp_path.iterdir())) == 3  # and no temporary file


def test_the_model_that_is_asked(additions, capsys):
    default, plain, peeky = (printed([additions, "1+1", "99+999", *more], capsys)[0]
                             for more in ([], ["--model", "plain"], ["--model", "peeky"]))  # fmt: skip
    assert default == peeky
    assert chosen(additions, None).architecture.decoder == "peeky"
    assert chosen(additions, "plain").architecture.decoder == "plain"
    assert len(plain) == 2


REFUSED = {
    "nothing": ([], "the following arguments are required: RUN"),
    "no run": (["nowhere", "1"], "nowhere: neither a run's folder nor an experiment"),
    "a run that trains no such model": (["SURNAMES", "kang"], "a run of 'surnames', which trains no model that translates"),
    "no sentences": (["RUN", "  "], "translate: no sentences"),
    "sentences and a file": (["RUN", "1", "--file", "x.txt"], "give sentences or --file, not both"),
    "a file that is not there": (["RUN", "--file", "x.txt"], "--file x.txt: No such file"),
    "another model": (["RUN", "1", "--model", "atention"], "holds no such model (did you mean 'attention'?)"),
    "no beam": (["RUN", "1", "--beam", "0"], "--beam 0: must be at least 1"),
    "a beam that is no number": (["RUN", "1", "--beam", "x"], "--beam: invalid int value"),
    "a negative penalty": (["RUN", "1", "--beam", "2", "--length-penalty", "-1"], "--length-penalty -1: must be 0 or"),
    "a penalty of nothing": (["RUN", "1", "--length-penalty", "1"], "give --beam 4 as well"),
    "a search that draws": (["RUN", "1", "--beam", "2", "--top-k", "3"], "give one of them"),
    "a temperature below 0": (["RUN", "1", "--temperature", "-1"], "--temperature -1: must be"),
    "a temperature that is none": (["RUN", "1", "--temperature", "nan"], "--temperature nan: must be"),
    "no top": (["RUN", "1", "--top-k", "0"], "--top-k 0: must be at least 1"),
    "no nucleus": (["RUN", "1", "--top-p", "0"], "--top-p 0: must be above 0"),
    "an unknown option": (["RUN", "1", "--bem", "2"], "unrecognized arguments: --bem"),
    "a picture of another kind": (["RUN", "1", "--align", "map.jpg"], "--align map.jpg: the name of a picture ends in"),
    "a picture nowhere": (["RUN", "1", "--align", "no/map.png"], "--align no/map.png: there is no folder no"),
    "a picture of too many": (["RUN", *"1234567890123", "--align", "m.png"], "13 sentences; 12 are the most"),
    "a sentence without an end": (["RUN", "1", "2" * 1500], "line 2: 1500 tokens; 1000 are the most"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused(case, dates, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "surnames").mkdir()
    (tmp_path / "surnames" / "run.json").write_text('{"experiment": "surnames"}')
    places = {"RUN": str(dates), "SURNAMES": "surnames"}
    arguments, message = REFUSED[case]
    refused(["translate", *(places.get(word, word) for word in arguments)], [message], capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["surnames"]


def test_no_alignment_without_attention(additions, capsys):
    refused(["translate", str(additions), "1+1", "--align", "m.png"], ["has no attention (peeky)"], capsys)
    assert not Path("m.png").exists()


def changed(value):
    def change(contents):
        contents.update(value)
        return json.dumps(contents).encode()

    return change


DAMAGE = {
    "no description": ("model-attention.json", None, "holds no model: there is no model-NAME.json"),
    "a description cut off": (
        "model-attention.json",
        lambda _: b'{"architecture":\n',
        "model-attention.json, line 2: is damaged",
    ),
    "a description of bytes": (
        "model-attention.json",
        lambda _: b"\xff\xfe",
        "model-attention.json: is damaged: it is not UTF-8",
    ),
    "a description of nothing": ("model-attention.json", lambda _: b"{}", "model-attention.json: is damaged: "),
    "a list": ("model-attention.json", lambda _: b"[]", "model-attention.json: is damaged: "),
    "no source": ("model-attention.json", changed({"source": None}), "model-attention.json: is damaged: "),
    "no architecture": ("model-attention.json", changed({"architecture": []}), "model-attention.json: is damaged: "),
    "another decoder": ("model-attention.json", changed({"architecture": {"decoder": "lung"}}), "is damaged: "),
    "no limit": ("model-attention.json", changed({"longest": "x"}), "model-attention.json: is damaged: "),
    "no weights": ("model-attention.safetensors", None, "model-attention.safetensors: No such file"),
    "weights cut off": ("model-attention.safetensors", lambda _: b"\x10\0\0\0\0\0\0\0{", "model-attention.safetensors: "),
    "a pickle for weights": ("model-attention.safetensors", lambda _: b"\x80\x04K\x01.", "model-attention.safetensors: "),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_run_is_one_line(case, dates, tmp_path, capsys):
    name, change, message = DAMAGE[case]
    folder = tmp_path / "run"
    shutil.copytree(dates, folder)
    path = folder / name
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change(json.loads(path.read_bytes()) if path.suffix == ".json" else None))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    refused(["translate", str(folder), "9/2/83"], [str(folder), message], capsys)
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_requests_check_themselves():
    for options in ({"beam": 0}, {"length_penalty": float("nan")}, {"beam": 3, "drawn": SampleRequest()}):
        with pytest.raises(UsageError, match="--"):
            TranslationRequest(**options)

"""What the tests of stopped and of damaged runs share: a small run, its files, and how it refuses."""

from experiments.__main__ import main

SETTINGS = ["epochs=8", "patience=100", "batch_size=32", "embedding=8", "hidden=8"]
RUN = ["run", "surnames", "--set", *SETTINGS]
VARIABLE = {"run.json", "timing.jsonl"}  # when, and how long


def contents(folder):
    """Every file of a run that the same seed repeats, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in VARIABLE}


def refused(arguments, words, capsys):
    """One line on stderr with these words, and exit code 2."""
    capsys.readouterr()
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("python -m experiments: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err

"""A study path in thirteen short scripts, from the chain rule over one scalar to seq2seq with attention.

    python -m experiments.path.p01_chain_rule            # in seconds; writes p01_chain_rule.png here
    python -m experiments.path.p01_chain_rule --out DIR_OR_PNG

Each is a text with code between, in the percent format, and opens as a notebook in VS Code, PyCharm, Spyder or, through
Jupytext, in Jupyter; there its picture stands beneath the cell that draws it. Every number that a text names is asserted in
the script. Each ends with two exercises: functions to be written. tests/experiments/path has one answer to each
(answers_plain.py, answers_gated.py), and tests that check them, or yours; what is not in your file yet is skipped:

    ANSWERS=mine.py python -m pytest tests/experiments/path -k exercises
"""

from minigrad import set_num_threads

set_num_threads(1)  # a second thread costs more than it saves on matrices as small as these, most of all on a busy machine

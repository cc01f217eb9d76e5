"""`python -m experiments.benchmark engine`, the same as `python -m experiments bench engine`."""

import sys

from experiments.__main__ import main

sys.exit(main(["bench", *sys.argv[1:]]))

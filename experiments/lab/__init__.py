"""What every experiment uses: config, claims, run folder, figures, tables, training.

An experiment is one file with a ``Config``, a ``run``, its ``claims``, a ``plot``, a ``table`` and, at the end, the
`Experiment` that ties them together; `registry.MODULES` names the file.
"""

from .claims import Claim
from .config import Config, option
from .experiment import Arrays, Experiment
from .record import Record
from .terminal import Table
from .training_config import TrainingConfig
from .usage import UsageError

__all__ = ["Arrays", "Claim", "Config", "Experiment", "Record", "Table", "TrainingConfig", "UsageError", "option"]

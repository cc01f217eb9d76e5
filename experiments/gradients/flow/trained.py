"""placeholder"""
from typing import Any
run: Any = None
plot: Any = None
table: Any = None

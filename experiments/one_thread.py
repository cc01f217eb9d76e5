"""One BLAS thread for the experiments, unless the environment says otherwise; to be imported before NumPy.

A step of these networks multiplies matrices of some 64 rows: handing that to a second thread costs more than it saves.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")  # jax, a peer of the benchmarks

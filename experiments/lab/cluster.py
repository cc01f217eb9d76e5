"""Jobs on a cluster, by way of Dask distributed: the same jobs, the same outcomes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from .jobs import Job, Outcome, perform
from .usage import UsageError

_SECONDS_TO_CONNECT = 20


def run_on(scheduler: str, jobs: Sequence[Job]) -> Iterator[Outcome]:
    """The outcome of every job, as each ends, from the workers of the Dask scheduler at `scheduler`, ``tcp://host:port``.

    A job whose worker dies goes to another; Dask gives it up when that has happened four times (its setting
    ``distributed.scheduler.allowed-failures``). The workers need minigrad, and the files that the settings name; the
    results come back over the network. Start them with ``--nthreads 1``: a process performs one job at a time.

    Raises:
        UsageError: distributed is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise UsageError("--scheduler: needs Dask distributed; install it with: pip install 'minigrad[sweep]'") from None
    try:
        client = Client(scheduler, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"--scheduler {scheduler}: no Dask scheduler answers there: {error}") from None
    with client:
        if not client.nthreads():
            print(f"--scheduler {scheduler}: has no workers yet; the runs wait for one", file=sys.stderr)
        futures = {client.submit(perform, job, pure=False): job for job in jobs}
        try:
            for future in as_completed(list(futures), loop=client.loop):
                yield _outcome(future, futures[future])
                future.release()
        finally:
            client.cancel(list(futures))


def _outcome(future: Any, job: Job) -> Outcome:
    """What came back, or what Dask says of why nothing did.

    The worker was killed too often, before the result had left it too; it has another minigrad; the scheduler has ended.
    """
    try:
        outcome: Outcome = future.result()
    except Exception as error:  # anything at all, of any library the worker has; the message tells, and the rest goes on
        return Outcome(job.name, error=f"{type(error).__name__}: {error}")
    return outcome

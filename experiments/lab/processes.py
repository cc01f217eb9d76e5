"""Jobs on the processes of this machine: a few workers, one job at a time each, a killed one's job given to another."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from tqdm import tqdm

from .jobs import Job, Outcome, perform

TRIES = 3  # a job whose process dies this often has failed
SECONDS_TO_END = 5.0
_SPAWN = multiprocessing.get_context("spawn")  # a fresh interpreter: a run is what it is when it is started alone


@dataclass
class Worker:
    """A process that performs jobs, its end of the pipe, and the job it has."""

    process: BaseProcess
    pipe: Connection
    job: Job

    def give(self, job: Job) -> None:
        """Let it perform `job`; that it is dead is found out when its answer is waited for."""
        self.job = job
        try:
            self.pipe.send(job)
        except OSError:
            _bury(self.process)


def run_here(jobs: Sequence[Job], workers: int | None = None) -> Iterator[Outcome]:
    """The outcome of every job, as each ends; `workers` processes at a time (default: as many as there are cores).

    The processes end with the iteration, also when it is broken off.
    """
    waiting, deaths, staff = deque(jobs), Counter[str](), dict[Connection, Worker]()
    try:
        for _ in range(min(workers or cores(), len(jobs))):
            _add(staff, _hire(waiting.popleft()))
        while staff:
            for pipe in wait(list(staff)):
                assert isinstance(pipe, Connection)
                worker = staff[pipe]
                outcome = _answer(worker)
                if outcome is None:
                    deaths[worker.job.name] += 1
                    outcome = _given_up(worker, deaths[worker.job.name])
                    if outcome is None:
                        waiting.appendleft(worker.job)
                if waiting:
                    _add(staff, _again(staff.pop(pipe), waiting.popleft()))
                else:
                    _dismiss([staff.pop(pipe)])
                if outcome is not None:
                    yield outcome
    finally:
        _dismiss(list(staff.values()))


def _add(staff: dict[Connection, Worker], worker: Worker) -> None:
    staff[worker.pipe] = worker


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _hire(job: Job) -> Worker:
    """A new worker, at work on `job`."""
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_work, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    worker = Worker(process, ours, job)
    worker.give(job)
    return worker


def _again(worker: Worker, job: Job) -> Worker:
    """The worker at work on `job`; in place of a dead one, a new one."""
    if not worker.process.is_alive():
        worker.pipe.close()
        return _hire(job)
    worker.give(job)
    return worker


def _dismiss(workers: Sequence[Worker]) -> None:
    """End the processes, all at once; one that does not heed SIGTERM is killed."""
    for worker in workers:
        worker.process.terminate()
    for worker in workers:
        _bury(worker.process)
        worker.pipe.close()


def _bury(process: BaseProcess) -> None:
    """Wait for the end of a process that is ending, and kill it where that takes too long."""
    process.join(SECONDS_TO_END)
    if process.is_alive():
        process.kill()
        process.join()


def _answer(worker: Worker) -> Outcome | None:
    """What the worker sent; None where it died."""
    try:
        outcome: Outcome = worker.pipe.recv()
    except (EOFError, OSError):
        _bury(worker.process)
        return None
    return outcome


def _given_up(worker: Worker, deaths: int) -> Outcome | None:
    """The outcome of a job whose process has died too often; None while it is to be tried again."""
    if deaths < TRIES:
        return None
    return Outcome(worker.job.name, error=f"its process died {deaths} times ({_how(worker.process)})")


def _how(process: BaseProcess) -> str:
    """How it died, in words."""
    code = process.exitcode or 0
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _work(pipe: Connection) -> None:
    """A worker's life: perform what comes until nobody sends any more. Ctrl-C is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that a run that is broken off removes its temporary folder
    tqdm.set_lock(threading.RLock())  # its own is a semaphore of the system, which a killed process would leave behind
    while True:
        try:
            pipe.send(perform(pipe.recv()))
        except (EOFError, OSError):
            return

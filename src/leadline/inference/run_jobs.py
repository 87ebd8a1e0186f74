"""Independent jobs on any executor: in this process, in processes of its own, or on a cluster.

The engine is that of `concurrent.futures`; Dask's `Client.get_executor` is one of them. Only a few
jobs wait at a time, so that jobs may come from an iterator that no machine could hold.
"""

import functools
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from itertools import chain, islice
from numbers import Integral
from typing import Any

from leadline.errors import LeadlineError, format_value

Job = Any
Outcome = Any

WORKER_ENDED = "its worker process ended: killed, or out of memory"
"""The reason for a job that takes its process with it."""

# Jobs handed to an executor per worker: one at work and one that waits.
_PER_WORKER = 2
# An executor that does not count its workers.
_UNKNOWN_WORKERS = 16


def validate_executor(executor: object) -> Executor | int | None:
    """Return an executor, a number of processes, or None; a Dask client becomes an executor."""
    if executor is None or isinstance(executor, Executor):
        return executor
    if isinstance(executor, Integral) and not isinstance(executor, bool):
        if int(executor) < 1:
            raise LeadlineError(f"executor must be 1 process or more, got {int(executor)}")
        return int(executor)
    if hasattr(executor, "get_executor"):
        # Not pure: Dask would hash all trials, to find equal calls.
        client_executor = executor.get_executor(pure=False)
        workers = sum(executor.nthreads().values())  # type: ignore[attr-defined]
        client_executor._max_workers = workers or None
        return client_executor
    raise TypeError(
        "executor must be a concurrent.futures.Executor, a number of processes or a "
        f"dask.distributed.Client, got {format_value(executor)}"
    )


def run_jobs(
    function: Callable[[Job], Outcome], jobs: Iterable[Job], executor: Executor | int | None
) -> Iterator[tuple[Job, Outcome | Exception]]:
    """Yield each job with what `function` returns for it, or the exception, as jobs end.

    `function` and jobs can be pickled unless `executor` is None. A process of
    ours that ends is replaced: the jobs that were at work run again, one at a time, and a job that
    ends its process again has an exception as outcome. Dask does the same with its workers.
    """
    if executor is None:
        for job in jobs:
            yield job, _outcome(functools.partial(function, job))
    elif isinstance(executor, int):
        yield from _run_in_processes(function, jobs, executor)
    else:
        workers = getattr(executor, "_max_workers", None) or _UNKNOWN_WORKERS
        for job, outcome in _run(function, jobs, executor, _PER_WORKER * workers):
            if isinstance(outcome, BrokenExecutor):
                raise LeadlineError(
                    "a worker process of the executor ended: killed, or out of memory; run again "
                    "to fit what is missing, with executor=NUMBER, which replaces such processes"
                )
            yield job, outcome


def _run_in_processes(
    function: Callable[[Job], Outcome], jobs: Iterable[Job], workers: int
) -> Iterator[tuple[Job, Outcome | Exception]]:
    todo, suspects = iter(jobs), list[Job]()
    while True:
        again, suspects = suspects, []
        # One process and one job, so that it is known which job ends a process.
        count = 1 if again else workers
        context = multiprocessing.get_context("spawn")
        with _Processes(count, mp_context=context) as executor:
            own = again if again else todo
            for job, outcome in _run(function, own, executor, 1 if again else _PER_WORKER * count):
                if not isinstance(outcome, BrokenExecutor):
                    yield job, outcome
                elif again:
                    yield job, RuntimeError(WORKER_ENDED)
                    # The others were not at fault: the next round has them.
                    suspects = again[again.index(job) + 1 :]
                    break
                else:
                    suspects.append(job)
        if suspects:
            continue
        rest = list(islice(todo, 1))
        if not rest:
            return
        todo = chain(rest, todo)


class _Processes(ProcessPoolExecutor):
    """Processes that end at once when the caller is stopped."""

    def __exit__(self, kind: object, *_: object) -> bool | None:
        if kind is not None:
            for process in list((self._processes or {}).values()):
                process.terminate()
        self.shutdown(wait=True, cancel_futures=True)
        return None


def _run(
    function: Callable[[Job], Outcome], jobs: Iterable[Job], executor: Executor, window: int
) -> Iterator[tuple[Job, Outcome | Exception]]:
    """Yield jobs with outcomes, a `BrokenExecutor` for each job of an executor that broke."""
    todo, waiting = iter(jobs), dict[Future[Outcome], Job]()
    try:
        while True:
            for job in islice(todo, max(window - len(waiting), 0)):
                try:
                    waiting[executor.submit(function, job)] = job
                except BrokenExecutor as error:
                    broken = Future[Outcome]()
                    broken.set_exception(error)
                    waiting[broken] = job
                    break
            if not waiting:
                return
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            outcomes = [(waiting.pop(future), _outcome(future.result)) for future in done]
            if any(isinstance(outcome, BrokenExecutor) for _, outcome in outcomes):
                # All that are left have broken too, or will within moments.
                outcomes += [(job, _outcome(own.result)) for own, job in waiting.items()]
                waiting.clear()
                yield from outcomes
                return
            yield from outcomes
    finally:
        for future in waiting:
            future.cancel()


def _outcome(call: Callable[[], Outcome]) -> Outcome | Exception:
    try:
        return call()
    except Exception as error:
        return error

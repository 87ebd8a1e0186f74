"""Jobs on an executor: all have an outcome, exceptions are outcomes, a lost process is replaced."""

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest
from helpers_jobs import kill_own_process, square

from leadline.errors import LeadlineError
from leadline.inference.run_jobs import WORKER_ENDED, run_jobs, validate_executor


def found(function, executor, jobs=range(6)):
    return {
        job: str(outcome) if isinstance(outcome, Exception) else outcome
        for job, outcome in run_jobs(function, jobs, executor)
    }


@pytest.mark.parametrize("make", [lambda: None, lambda: 2, lambda: ThreadPoolExecutor(2)])
def test_every_job_has_an_outcome(make):
    assert found(square, make()) == {0: 0, 1: 1, 2: 4, 3: "three", 4: 16, 5: 25}


def test_a_job_that_ends_its_process_fails_alone():
    expected = {job: job**2 for job in range(6)} | {3: WORKER_ENDED}
    assert found(kill_own_process, 2) == expected


def test_jobs_are_made_as_they_are_needed():
    made = []

    def jobs():
        for number in range(100):
            made.append(number)
            yield number

    with ThreadPoolExecutor(1) as executor:
        outcomes = run_jobs(square, jobs(), executor)
        next(outcomes)
        assert len(made) <= 4
        outcomes.close()


def test_an_executor_of_the_caller_that_breaks_is_named():
    with ThreadPoolExecutor(1) as executor:

        def broken(job):
            raise BrokenProcessPool("ended")

        with pytest.raises(LeadlineError, match="executor=NUMBER"):
            found(broken, executor)


@pytest.mark.parametrize(
    ("wrong", "error"), [(0, LeadlineError), (True, TypeError), ("2", TypeError)]
)
def test_other_executors_are_refused(wrong, error):
    with pytest.raises(error, match="executor must be"):
        validate_executor(wrong)

"""Jobs that processes of their own can import."""

import os


def square(job):
    if job == 3:
        raise ValueError("three")
    return job**2


def kill_own_process(job):
    if job == 3:
        os._exit(9)
    return job**2

"""Calls that workers load by name, which is why they have this checkout on their path."""

import os
import signal
import time
from pathlib import Path


class Slow:
    """Leaves a file when it begins and one when it ends; gives how many were at work beside it."""

    def __init__(self, folder: Path, seconds: float = 0.05) -> None:
        self.folder, self.seconds = folder, seconds

    def __call__(self, unit: int) -> int:
        (self.folder / f"begun-{unit}").touch()
        time.sleep(self.seconds)
        begun, ended = (len(list(self.folder.glob(f"{what}-*"))) for what in ("begun", "ended"))
        (self.folder / f"ended-{unit}").touch()
        return begun - ended


class Raising:
    """One call raises; the others give their number."""

    def __init__(self, error: BaseException, unit: int) -> None:
        self.error, self.unit = error, unit

    def __call__(self, unit: int) -> int:
        if unit == self.unit:
            raise self.error
        return unit


TOLD_SECONDS = 0.5
"""A worker tells in batches, some milliseconds later, which calls have ended."""


class Deadly:
    """Some calls kill whatever worker they are at work in; all leave a file when they begin.

    They wait until the worker has told of the call before: as far as a scheduler knows, that one was at work.
    """

    def __init__(self, folder: Path, *victims: int) -> None:
        self.folder, self.victims = folder, victims

    def __call__(self, unit: int) -> int:
        (self.folder / f"{unit}-{os.getpid()}").touch()
        if unit in self.victims:
            time.sleep(TOLD_SECONDS)
            os.kill(os.getpid(), signal.SIGKILL)
        return unit

"""The same fits in several processes at once: what one more worker gains on this machine."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

from ..recipe import recipe_from_canonical
from .job import budget_of
from .registry import get_engine
from .rows import RowFitter
from .trial import shortened

__all__ = ["Crowd", "crowd_rate"]


@dataclass(frozen=True)
class Crowd:
    """What each process of a crowd fits: these records of a recipe of images, to the end.

    Args:
        recipe: its canonical form as JSON.
        source_root: as of the source, see `Source.root`.
        limit, engine, device: as of `fit.run.RunOptions`.
    """

    recipe: str
    source_root: str | None
    limit: int | None
    engine: str
    device: str | None
    rows: tuple[int, ...]

    def open(self) -> RowFitter:
        """Open source and engine in this process, and compile what it takes."""
        from ..signals.catalogue import open_source

        recipe = recipe_from_canonical(json.loads(self.recipe))
        root = None if self.source_root is None else Path(self.source_root)
        source = open_source(recipe, root, hash_files=False)
        engine = get_engine(self.engine, recipe.spec, budget_of(recipe), self.device)
        objects = source.objects.limited(self.limit)
        RowFitter(shortened(recipe, 1), source, objects, engine).fit(self.rows[:1])
        return RowFitter(recipe, source, objects, engine)


def crowd_rate(crowd: Crowd, workers: int) -> float | None:
    """Records a second of so many processes at once; None if one of them failed, for want of memory perhaps.

    All are made ready first and begin together, so that neither start nor compilation counts.
    """
    command = [sys.executable, "-c", "from neuralviews.fit.crowd import main; main()"]
    alone = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = os.environ | alone | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with ExitStack() as stack:
        members = []
        for _ in range(workers):
            member = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                text=True,
            )
            stack.enter_context(member)
            stack.callback(member.kill)
            members.append(member)
        for line in (json.dumps(asdict(crowd)), "begin"):
            for member in members:
                _tell(member, line)
            answers = [_heard(member) for member in members]
            if "" in answers:
                return None
    return sum(len(crowd.rows) / float(answer) for answer in answers)


def _tell(member: "subprocess.Popen[str]", line: str) -> None:
    assert member.stdin is not None
    with suppress(BrokenPipeError):  # it has ended, and says nothing more
        os.write(member.stdin.fileno(), f"{line}\n".encode())


def _heard(member: "subprocess.Popen[str]") -> str:
    """The next line that a process prints; empty if it has ended."""
    assert member.stdout is not None
    return member.stdout.readline().strip()


def main() -> None:
    """Be a process of a crowd: get ready, wait for the others, and say how many seconds the records took."""
    crowd = json.loads(sys.stdin.readline())
    fitter = Crowd(**{**crowd, "rows": tuple(crowd["rows"])}).open()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if not sys.stdin.readline():  # the one who asked has gone
        return
    begun = perf_counter()
    fitter.fit(crowd["rows"])
    sys.stdout.write(f"{perf_counter() - begun}\n")

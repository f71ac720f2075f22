"""The records of a generated store, as a run hands them out to its workers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import EngineError
from ..recipe import recipe_from_canonical
from ..records import Records
from ..store.job import Job, differences
from ..work.process import in_worker
from ..work.worker import Progress
from .device_claim import claim_device
from .job import budget_of
from .prepare import open_again
from .registry import get_engine
from .rows import RowFitter

__all__ = ["FieldMaker"]


@dataclass(frozen=True)
class FieldMaker:
    """Where a run writes and reads, and which engine it uses.

    Args:
        names: of the source's files, see `fit.prepare.names_digest`.
    """

    root: Path
    source_root: Path | None
    names: str | None
    engine: str
    device: str | None

    def open(self, job: Job) -> Callable[[range, Progress], Records]:
        """Open source and engine; see `work.worker.Maker`."""
        recipe = recipe_from_canonical(job.content["recipe"])
        # The parent hashes the source files before and after the run; a worker only reads them.
        left_out = job.content["source"].get("left_out")
        source = open_again(recipe, self.source_root, self.root, left_out, self.names)
        objects = source.objects.limited(job.content["limit"])
        device = claim_device(self.device) if in_worker() else self.device
        engine = get_engine(self.engine, recipe.spec, budget_of(recipe), device)
        found, stated = dict(engine.arithmetic), job.content["arithmetic"]
        if found != stated:
            raise EngineError(
                f"engine {self.engine!r} has other arithmetic in this worker than in the job "
                f"({', '.join(differences(stated, found))}): use workers with the same devices"
            )
        return RowFitter(recipe, source, objects, engine).fit

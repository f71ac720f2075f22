"""The records of a generated store, as a run hands them out to its workers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..recipe import recipe_from_canonical
from ..records import Records
from ..store.writer import StoreWriter
from ..work.worker import Progress
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

    def open(self, writer: StoreWriter) -> Callable[[range, Progress], Records]:
        """Open source and engine; see `work.worker.Maker`."""
        recipe = recipe_from_canonical(writer.job["recipe"])
        # The parent hashes the source files before and after the run; a worker only reads them.
        left_out = writer.job["source"].get("left_out")
        source = open_again(recipe, self.source_root, self.root, left_out, self.names)
        objects = source.objects.limited(writer.job["limit"])
        engine = get_engine(self.engine, recipe.spec, budget_of(recipe), self.device)
        return RowFitter(recipe, source, objects, engine).fit

"""The records of a generated store, as a run hands them out to its workers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..recipe import recipe_from_canonical
from ..records import Records
from ..store.writer import StoreWriter
from ..work.worker import Progress
from .job import budget_of
from .prepare import samples_folder
from .registry import get_engine
from .rows import RowFitter

__all__ = ["FieldMaker"]


@dataclass(frozen=True)
class FieldMaker:
    """Where a run writes and reads, and which engine it uses."""

    root: Path
    source_root: Path | None
    engine: str
    device: str | None

    def open(self, writer: StoreWriter) -> Callable[[range, Progress], Records]:
        """Open source and engine; see `work.worker.Maker`."""
        from ..signals.catalogue import open_source

        recipe = recipe_from_canonical(writer.job["recipe"])
        # The parent hashes the source files before and after the run; a worker only reads them.
        source = open_source(
            recipe,
            self.source_root,
            hash_files=False,
            samples=samples_folder(self.root),
            left_out=writer.job["source"].get("left_out"),
        )
        objects = source.objects.limited(writer.job["limit"])
        engine = get_engine(self.engine, recipe.spec, budget_of(recipe), self.device)
        return RowFitter(recipe, source, objects, engine).fit

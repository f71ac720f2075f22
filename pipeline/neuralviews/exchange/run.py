"""The run from files of another program to a store: look, prove, plan, read, publish."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, RecipeError, SourceError
from ..grids import AxisOrder
from ..recipe import Recipe, load_recipe, recipe_from_canonical
from ..signals.catalogue import open_source
from ..signals.tar_stretch import COMPRESSIONS
from ..store.reader import open_store
from ..store.space import check_space, require_ours
from ..store.writer import StoreWriter
from ..work.shards import Sharing, complete, is_finished, make_shards
from .compare import SAMPLE, Comparison, Trial, best_convention
from .convention import Convention
from .job import plan_import, require_begun
from .listing import Listing
from .note import NOTE
from .opened import Opened, Place, open_place
from .reading import ImportMaker
from .survey import Survey, rows_kept, survey

__all__ = ["ImportOptions", "ImportReport", "import_store"]

_USUAL = {
    "axis_order": "axis order xy",
    "output_offset": "no output offset",
    "target_range": "targets from 0 to 1",
}
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True)
class ImportOptions:
    """How to read the files, where they do not say it.

    Args:
        format: a name of `registry.FORMATS`, or ``auto``.
        name: of the dataset; else that of the export, or of the format.
        splits: a JSON file with lists of paths by split, apart from the files.
        omega, axis_order, output_offset, output_scale, target_range: conventions; what is given is believed.
        recipe: whose source the fields are of, if files and format do not tell.
        source_root: folder of the source's files: the fields are compared with them, other conventions are
            tried, and every PSNR is measured.
        keep_going: leave out files that cannot be read, or whose networks have another shape than most, and
            say so, rather than stop.
        published: name of the published set that the files are.
        sharing: who does what; nothing of it changes a byte.
    """

    format: str = "auto"
    name: str | None = None
    splits: Path | None = None
    omega: float | None = None
    axis_order: AxisOrder | None = None
    output_offset: float | None = None
    output_scale: float | None = None
    target_range: tuple[float, float] | None = None
    recipe: Recipe | str | None = None
    source_root: Path | None = None
    keep_going: bool = False
    published: str | None = None
    sharing: Sharing = field(default_factory=Sharing)

    def __post_init__(self) -> None:
        if self.name is not None and not _NAME.fullmatch(self.name):
            raise OptionError(f"name: found {self.name!r}, expected 1 to 64 of a-z, 0-9 and '-'")


@dataclass(frozen=True)
class ImportReport:
    """What a run did.

    Attributes:
        format: of the files, and ``why`` they are of it.
        made: records read by this run; ``missing``: shards that are left to other parts.
        dataset_id: of the store, once complete.
        trials: conventions that were tried, first the one that was taken, then the best of the others; none
            without a source.
        left_out: file -> why it is not in the store; ``details``: of some, the error behind it.
        notes: what should be known of the format, one a line.
    """

    format: str
    why: str
    made: int
    missing: int
    dataset_id: str | None
    convention: Convention
    trials: tuple[Trial, ...]
    left_out: Mapping[str, str]
    details: Mapping[str, str]
    notes: tuple[str, ...]


_DEFAULTS = ImportOptions()


def import_store(path: str | Path, out: str | Path, options: ImportOptions = _DEFAULTS) -> ImportReport:
    """Read fields of another program into a store, or go on with it: the bytes never depend on the way.

    Args:
        path: a folder, or a zip or tar archive, which is read in place.
        out: folder of the store.
    Raises:
        SourceError: the files are of no known format, damaged, or do not say which fields they are; nothing
            was written. Or they changed meanwhile.
        OptionError: a convention is not known, and must be given; or a packed archive would be unpacked
            where workers do not see it.
        SpecError: a convention cannot be.
        OutputError: the folder cannot be written, is too small, or holds another job.
        KeyboardInterrupt: finished shards stay; the same call resumes.
    """
    root = Path(out)
    require_ours(root)
    _require_possible(_given(Convention(omega=1.0), options))
    _require_reach(Path(path), options.sharing)
    options.sharing.prove()
    everywhere = options.sharing.everywhere
    splits = None if options.splits is None else everywhere(options.splits)
    files, scratch = everywhere(Path(path)), everywhere(root.parent)
    place = Place(files, options.format, splits, scratch, secrets.token_hex(8))
    try:
        return _imported(open_place(place), root, options)
    finally:
        open_place.cache_clear()  # closes an archive, and removes what it was unpacked to


def _imported(opened: Opened, root: Path, options: ImportOptions) -> ImportReport:
    before = opened.state()
    name = _name(options, opened)
    convention = _given(opened.listing.convention, options)
    _require_possible(convention)
    require_begun(root, opened, name, options.published)
    comparison = _comparison(options, opened)
    found = survey(opened, options.sharing, keep_going=options.keep_going)
    rows = rows_kept(opened, found.left_out)
    convention.spec(found.dims)  # refuses what cannot be of such networks
    trials: list[Trial] = []
    if comparison is not None:
        comparison.require(found.dims, opened.listing.object_id[rows], found.label[rows])
        convention, trials = _tried(comparison, convention, opened, found, rows)
    job = plan_import(opened, found, rows, convention, comparison, name=name, published=options.published)

    def report(made: int, missing: int, dataset_id: str | None) -> ImportReport:
        return ImportReport(
            opened.format,
            opened.why,
            made,
            missing,
            dataset_id,
            convention,
            tuple(trials),
            found.left_out,
            found.details,
            (*opened.listing.notes, *(() if trials else _assumed(opened.listing, convention))),
        )

    if is_finished(root, job):
        return report(0, 0, open_store(root).dataset_id)
    check_space(root, job)
    writer = StoreWriter(root, job)
    everywhere = options.sharing.everywhere
    source_root = None if options.source_root is None else everywhere(options.source_root)
    maker = ImportMaker(everywhere(root), opened.place, convention, source_root)
    made = make_shards(writer, maker, options.sharing)
    if opened.state() != before:
        raise SourceError(
            f"{opened.place.path}: files changed while they were imported, so {root} belongs to no version "
            "of them; remove that folder and run the same command again"
        )
    return report(made, *complete(writer, made))


def _require_reach(path: Path, sharing: Sharing) -> None:
    if sharing.writers != "driver" or not path.is_file():
        return
    try:
        with path.open("rb") as file:
            packed = file.read(6).startswith((*COMPRESSIONS,))
    except OSError:  # which whoever opens it for good will tell
        return
    if packed:
        raise OptionError(
            f"writers: {path} is a compressed archive, which is unpacked beside the store for all hosts to "
            "read; unpack it yourself, or choose a folder that they share, and --writers workers"
        )


def _name(options: ImportOptions, opened: Opened) -> str:
    name = options.name or options.published or (opened.note.name if opened.note else opened.format)
    if not _NAME.fullmatch(name):
        raise SourceError(
            f"{opened.files.describe()}: found the name {name!r}, expected 1 to 64 of a-z, 0-9 and '-': "
            "give one with --name"
        )
    return name


def _given(convention: Convention, options: ImportOptions) -> Convention:
    return convention.said(
        "given",
        omega=options.omega,
        axis_order=options.axis_order,
        output_offset=options.output_offset,
        output_scale=options.output_scale,
        target_range=options.target_range,
    )


def _require_possible(convention: Convention) -> None:
    """Refuse what no network can have, or what is still open, before any is looked at."""
    omegas = len(convention.omega) if isinstance(convention.omega, tuple) else 1
    convention.spec((1, *[1] * omegas, len(convention.mean or (1.0,))))


def _assumed(listing: Listing, convention: Convention) -> tuple[str, ...]:
    """What is believed of the fields although nobody says it, in a line."""
    left = [words for name, words in _USUAL.items() if listing.assumed and name not in convention.origin]
    return (f"files state no conventions; assumed: {', '.join(left)}",) if left else ()


def _comparison(options: ImportOptions, opened: Opened) -> Comparison | None:
    if options.source_root is None and options.recipe is None:
        return None
    recipe = _source_recipe(options, opened)
    return Comparison(recipe, open_source(recipe, options.source_root))


def _source_recipe(options: ImportOptions, opened: Opened) -> Recipe:
    note, told = opened.note, options.recipe or opened.listing.recipe
    if options.recipe is None and note is not None and note.recipe is not None:
        try:
            return recipe_from_canonical(note.recipe)
        except RecipeError as error:
            raise SourceError(f"{opened.files.describe()}: {NOTE}: {error}; restore the file") from None
    if told is None:
        raise OptionError(
            "recipe: --source-root alone does not say which images these are; name the recipe of their "
            "source with --source, such as mnist-dws"
        )
    return told if isinstance(told, Recipe) else load_recipe(told)


def _tried(
    comparison: Comparison,
    convention: Convention,
    opened: Opened,
    found: Survey,
    rows: NDArray[np.int64],
) -> tuple[Convention, list[Trial]]:
    """The convention that fits some of the fields, spread over all."""
    some = rows[np.unique(np.linspace(0, len(rows) - 1, SAMPLE).astype(np.int64))]
    fields = opened.read(some, found.dims)
    objects = opened.listing.object_id[some].tolist()
    return best_convention(comparison, convention, found.dims, fields.weights, objects)

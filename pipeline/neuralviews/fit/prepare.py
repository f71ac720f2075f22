"""Before shapes are fitted: the truth about every mesh is worked out, and what cannot be used is left out."""

import hashlib
import json
import os
import secrets
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..errors import SourceError
from ..recipe import Recipe, recipe_from_canonical
from ..records import Split
from ..signals.catalogue import Source, open_source
from ..signals.reasons import Reason
from ..store.files import make_folder, output_errors, require_writable
from ..store.space import beside, require_ours, require_room, unwritten_bytes
from ..work.shards import Sharing
from ..work.survey import ask_all

if TYPE_CHECKING:
    from ..signals.shapes import ShapeSource

__all__ = [
    "check_room",
    "names_digest",
    "open_again",
    "prepared",
    "samples_bytes",
    "samples_folder",
    "unfit",
    "unlike_the_full_set",
    "usable",
]

_HEADERS = 4096
"""Bytes at most of a file of samples besides its arrays."""


def samples_folder(root: Path) -> Path:
    """Where samples of a store's shapes are kept; see `store.space.beside`."""
    return beside(root, "samples")


def check_room(root: Path, recipe: Recipe, job: Mapping[str, Any]) -> None:
    """Refuse to work out the truth for a store that cannot be written afterwards.

    Args:
        job: of the store, if every mesh can be used.
    Raises:
        OutputError: the folder holds something else or cannot be written, or there is no room for store and
            samples.
    """
    require_ours(root)
    if root.exists():
        make_folder(root)
        require_writable(root)
    folder = samples_folder(root)
    samples = samples_bytes(recipe, int(job["objects"]))
    with output_errors(folder):
        for path in folder.glob("*.npz"):
            with suppress(OSError):  # another run may have replaced it
                samples -= path.stat().st_size
    require_room(folder, max(samples, 0) + unwritten_bytes(root, job))


def samples_bytes(recipe: Recipe, objects: int) -> int:
    """At most so much do the samples of so many shapes take, beside their store."""
    from ..signals.samples import GRID
    from ..signals.shapes import CHECKS

    assert recipe.shape is not None
    points = CHECKS + recipe.shape.uniform + sum(count for _, count in recipe.shape.near)
    return objects * (16 * points + GRID**3 // 8 + _HEADERS)


def names_digest(source: Source, recipe: Recipe) -> str | None:
    """Stands for the numbers of meshes: equal if and only if the names of all files are; None of images."""
    if recipe.shape is None:
        return None
    names = cast("ShapeSource", source).meshes.names
    return hashlib.sha256(b"\0".join(map(os.fsencode, names))).hexdigest()


def open_again(
    recipe: Recipe,
    source_root: Path | None,
    root: Path,
    left_out: Mapping[str, str] | None,
    names: str | None,
) -> Source:
    """The source of a run in one of its workers, where it numbers its meshes alike; nothing is hashed again.

    Args:
        root: folder of the store.
        names: what `names_digest` gave in the run.
    Raises:
        SourceError: mesh files came or went meanwhile.
    """
    samples = None if recipe.shape is None else samples_folder(root)
    source = open_source(recipe, source_root, hash_files=False, samples=samples, left_out=left_out)
    if names_digest(source, recipe) != names:
        raise SourceError(
            f"{source_root}: mesh files came or went during the run, which shifts the numbers of others; "
            "run the same command again once nothing changes there"
        )
    return source


@dataclass(frozen=True)
class _ShapeQuestion:
    """Can a mesh be fitted? Its samples are drawn and kept on the way to the answer.

    Args:
        run: unlike that of any other run, whose source may have been another.
    """

    recipe: str
    source_root: Path | None
    root: Path
    names: str | None
    run: str

    def ask(self, object_id: int) -> tuple[Reason, str] | None:
        """None if it can; else why not, as the job states it, and what exactly was found, for the user."""
        return unfit(_source(self), object_id)

    def describe(self, object_id: int) -> str:
        """See `work.survey.Question`."""
        return _source(self).meshes.describe(object_id)


def unfit(source: "ShapeSource", object_id: int) -> tuple[Reason, str] | None:
    """Why a mesh cannot be fitted, or is not to be; None if it can. Its samples are kept on the way.

    Returns:
        The reason as the job states it, and what exactly was found, for the user.
    """
    try:
        source.meshes.read(object_id)
    except SourceError as error:
        return Reason.unreadable, str(error)
    try:
        facts = source.samples(object_id).facts
    except SourceError as error:
        return Reason.no_mesh, str(error)
    table = source.recipe.shape
    assert table is not None
    if table.unreliable == "skip" and facts.beyond(table.max_disagreement):
        return Reason.unreliable, (
            f"{source.meshes.describe(object_id)}: sight contradicts {facts.disagreement:.1%} of its "
            f"inside, the recipe skips what is beyond {table.max_disagreement:.1%}"
        )
    return None


@lru_cache(maxsize=1)
def _source(question: _ShapeQuestion) -> "ShapeSource":
    """Opened once in a process; whatever may be left out is for the one who asks to say."""
    recipe = recipe_from_canonical(json.loads(question.recipe))
    source = open_again(recipe, question.source_root, question.root, {}, question.names)
    return cast("ShapeSource", source)


def prepared(
    source: Source, recipe: Recipe, limit: int | None, root: Path, sharing: Sharing, keep_going: bool
) -> Source:
    """The source without the meshes that cannot be used; what was found in them is told on stderr.

    Args:
        source: of shapes.
        limit: so many of the usable objects are wanted, spread over the splits.
        root: folder of the store.
        keep_going: leave out what cannot be read, rather than stop. What the recipe says to skip is always
            left out.
    Raises:
        SourceError: a mesh cannot be used.
        OutputError: samples cannot be kept beside the store.
        EngineError: worker processes kept being killed.
    """
    source = cast("ShapeSource", source)
    text = json.dumps(recipe.canonical(), sort_keys=True)
    names = names_digest(source, recipe)
    root = sharing.everywhere(root)
    place = None if source.root is None else sharing.everywhere(source.root)
    question = _ShapeQuestion(text, place, root, names, secrets.token_hex(8))
    _tell(source.meshes.details.values(), sharing)
    asked: set[int] = set()
    while wanted := [i for i in source.objects.limited(limit).object_id.tolist() if i not in asked]:
        problems: dict[int, tuple[Reason, str]] = {}
        title, folder = f"{recipe.name}: ground truth", samples_folder(root)
        with closing(ask_all(question, wanted, sharing, title, folder=folder)) as answers:
            for object_id, problem in answers:
                if problem is None:
                    continue
                reason, found = problem
                if not (keep_going or reason is Reason.unreliable):
                    raise SourceError(f"{found}; --keep-going leaves such meshes out")
                problems[object_id] = problem
        asked |= {*wanted}
        _tell((problems[i][1] for i in sorted(problems)), sharing)
        source = source.without({source.name(i): problems[i][0] for i in sorted(problems)})
    return usable(source, recipe)


def usable(source: Source, recipe: Recipe) -> Source:
    """A source of shapes, if any is left.

    Raises:
        SourceError: all are left out.
    """
    if len(source.objects):
        return source
    details = cast("ShapeSource", source).meshes.details
    first = next((f"; the first: {found}" for found in details.values()), "")
    raise SourceError(
        f"recipe {recipe.name}: no mesh in {source.root} is usable, expected at least one{first}"
    )


def _tell(problems: Iterable[str], sharing: Sharing) -> None:
    """Say what exactly is wrong with what is left out: nobody says it again."""
    if sharing.progress:
        sys.stderr.writelines(f"left out: {problem}\n" for problem in problems)


def unlike_the_full_set(recipe: Recipe, source: Source) -> str | None:
    """One line if the official splits have other sizes than the recipe states of the full set; else None."""
    expected = recipe.expected
    if expected is None or expected.train is None or expected.test is None:
        return None
    split = source.objects.split
    train, test = (int(np.count_nonzero(split == part)) for part in (Split.train, Split.test))
    if (train, test) == (expected.train, expected.test):
        return None
    return (
        f"{recipe.name}: found {train:,} train and {test:,} test objects, "
        f"the full set has {expected.train:,} and {expected.test:,}"
    )

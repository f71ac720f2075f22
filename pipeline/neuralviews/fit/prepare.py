"""Before shapes are fitted: the truth about every mesh is worked out, and what cannot be used is left out."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from ..errors import SourceError
from ..recipe import Recipe, recipe_from_canonical
from ..records import Split
from ..signals.catalogue import Source, open_source
from ..work.shards import Sharing
from ..work.survey import ask_all

if TYPE_CHECKING:
    from ..signals.shapes import ShapeSource

__all__ = ["prepared", "samples_folder", "unlike_the_full_set"]


def samples_folder(root: Path) -> Path:
    """Where samples of a store's shapes are kept: beside it, for a store consists of its own files alone."""
    return root.with_name(f"{root.name}.samples")


@dataclass(frozen=True)
class _ShapeQuestion:
    """Can a mesh be fitted? Its samples are drawn and kept on the way to the answer."""

    recipe: str
    root: Path | None
    samples: Path

    def ask(self, object_id: int) -> str | None:
        """See `work.survey.Question`."""
        try:
            facts = _source(self).samples(object_id).facts
        except SourceError as error:
            # The job states the reason, and must not depend on where the files lie.
            return str(error).removeprefix(f"{_source(self).meshes.describe(object_id)}: ")
        table = _source(self).recipe.shape
        if table is not None and table.unreliable == "skip" and facts.beyond(table.max_disagreement):
            return (
                f"{_SKIPPED}: sight contradicts {facts.disagreement:.1%} of its inside, "
                f"the recipe allows {table.max_disagreement:.1%}"
            )
        return None


_SKIPPED = "left out by shape.unreliable = 'skip'"


@lru_cache(maxsize=1)
def _source(question: _ShapeQuestion) -> "ShapeSource":
    """Opened once in a process; whatever may be left out is for the one who asks to say."""
    recipe = recipe_from_canonical(json.loads(question.recipe))
    source = open_source(recipe, question.root, hash_files=False, samples=question.samples, left_out={})
    return cast("ShapeSource", source)


def prepared(
    source: Source, recipe: Recipe, limit: int | None, root: Path, sharing: Sharing, keep_going: bool
) -> Source:
    """The source without the objects that cannot be used; other sources than shapes are as they were.

    Args:
        limit: so many of the usable objects are wanted, spread over the splits.
        root: folder of the store.
        keep_going: leave out what cannot be read, rather than stop. What the recipe says to skip is always
            left out.
    Raises:
        SourceError: a mesh cannot be used.
        OutputError: samples cannot be kept beside the store.
        EngineError: worker processes kept being killed.
    """
    if recipe.shape is None:
        return source
    source = cast("ShapeSource", source)
    text = json.dumps(recipe.canonical(), sort_keys=True)
    question = _ShapeQuestion(text, source.root, samples_folder(root))
    asked: set[int] = set()
    while wanted := [i for i in source.objects.limited(limit).object_id.tolist() if i not in asked]:
        problems: dict[int, str] = {}
        for object_id, problem in ask_all(question, wanted, sharing, f"{recipe.name}: ground truth"):
            if problem is not None and not (keep_going or problem.startswith(_SKIPPED)):
                raise SourceError(
                    f"{source.meshes.describe(object_id)}: {problem}; --keep-going leaves such meshes out"
                )
            if problem is not None:
                problems[object_id] = problem
        asked |= {*wanted}
        source = source.without({source.name(i): problems[i] for i in sorted(problems)})
    if not len(source.objects):
        raise SourceError(f"recipe {recipe.name}: no mesh in {source.root} is usable, expected at least one")
    return source


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

"""Where augmented copies come from: their parents, and what they should render."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..augment.base import column_count
from ..augment.replay import same_maker
from ..augment.target import Target
from ..errors import IntegrityError
from ..fit.facts import field_facts
from ..records import NO_PARENT, Records
from ..store.lineage import Lineage
from .painter import Painter, Picture
from .sheet import PALE, Tile
from .wording import label_text, shortened

if TYPE_CHECKING:
    from ..augment.compose import Compose
    from ..augment.rows import CopyMaker
    from ..store.reader import Store

__all__ = ["Tiles", "has_mixtures", "origins"]

Tiles = tuple[Tile | None, ...]


def has_mixtures(store: "Store") -> bool:
    """Whether any of its copies has a second parent."""
    return bool((store.column("parent_b") != NO_PARENT).any())


def origins(store: "Store", parent: "Store", painter: Painter, kept: Records) -> list[Tiles]:
    """First parent, second parent (None without one), and what it should render, of each copy.

    If no copy of the store has a second parent, none is named.

    Raises:
        IntegrityError: another store than the parent, or copies that cannot be of its records.
        EngineError: this neuralviews has other versions of the operations than what made the store.
    """
    maker = same_maker(store, parent)
    _require_parents(store, maker)
    found: dict[int, Tiles] = {}
    for number in np.unique(kept.columns["pipeline"]):
        here = np.flatnonzero(kept.columns["pipeline"] == number)
        steps = maker.plan.pipelines[number].steps
        found |= zip(here.tolist(), _of_pipeline(maker, painter, steps, kept.take(here)), strict=True)
    kinds = slice(None) if has_mixtures(store) else slice(None, None, 2)
    return [found[row][kinds] for row in range(len(kept))]


def _require_parents(store: "Store", maker: "CopyMaker") -> None:
    """Refuse copies of records that the parent does not have, and mixtures without a second parent."""
    columns = {name: store.column(name) for name in ("parent_a", "parent_b", "object_id", "split")}
    problem = next(Lineage(maker.supply.store).problems(columns, range(len(store))), None)
    mixing = [pipeline.steps.partner is not None for pipeline in maker.plan.pipelines]
    alone = np.array(mixing)[store.column("pipeline")] & (columns["parent_b"] == NO_PARENT)
    if problem is None and alone.any():
        problem = f"record {int(alone.argmax())} is a mixture without a second parent"
    if problem is not None:
        raise IntegrityError(
            f"{store.root}: {problem}; the store is not what its plan makes of these parents"
        )


def _of_pipeline(maker: "CopyMaker", painter: Painter, steps: "Compose", kept: Records) -> list[Tiles]:
    """The same for copies of one pipeline."""
    parent, spec, count = maker.supply.store, maker.context.spec, len(kept)
    parameters = steps.parameters(maker.context)
    params = kept.columns["params"][:, : column_count(parameters)]
    target = steps.expect(Target.of_parent(count, spec.in_dim, spec.out_dim), params, maker.context)
    first, second = kept.columns["parent_a"], kept.columns["parent_b"]
    weights_b: NDArray[np.float32] | None = None
    a: Sequence[Tile]
    b: Sequence[Tile | None]
    if steps.partner is None:
        a, b = _parent_tiles(parent, painter, "parent a", first), [None] * count
    else:
        names = [parameter.name for parameter in parameters for _ in range(parameter.count)]
        mixing = next(step.name for step in steps.steps if step.partner is not None)
        lam, weights_b = params[:, names.index(f"{mixing}.lam")], parent.weights(second)
        a = _parent_tiles(parent, painter, "parent a", first, lam)
        b = _parent_tiles(parent, painter, "parent b", second, 1 - lam)
    expected = painter.targets(target, parent.weights(first), weights_b)
    shown = [
        _expected_tile(image, inside)
        for image, inside in zip(expected, kept.columns["in_domain"].tolist(), strict=True)
    ]
    return list(zip(a, b, shown, strict=True))


def _parent_tiles(
    parent: "Store",
    painter: Painter,
    name: str,
    rows: NDArray[Any],
    shares: NDArray[np.float32] | None = None,
) -> list[Tile]:
    """Parents with their class, their record_id, and in mixtures their share."""
    images, names = painter.fields(parent.weights(rows)), field_facts(parent).class_names
    tiles = []
    for place, (row, image) in enumerate(zip(rows.tolist(), images, strict=True)):
        label = label_text(names, int(parent.column("label")[row]))
        number = f"#{row}" if shares is None else f"{shares[place]:.2f} × #{row}"
        caption = ((shortened(label, 13) or number, PALE), (number if label else "", PALE))
        tiles.append(Tile(image, name, caption))
    return tiles


def _expected_tile(image: Picture, inside: float) -> Tile:
    """What a copy should render, and how much of it lies where its parents were fitted."""
    note = "" if inside == 1 else f"{100 * inside:.0f} % in domain"
    return Tile(image, "should render", ((note, PALE), ("", PALE)))

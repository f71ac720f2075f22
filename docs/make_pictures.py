"""Draw what each augmentation does to a field of a store, one small picture each, for the documentation.

The pictures of these pages were made by

    neuralviews generate mnist --limit 40 --source-root ~/torchvision --out data/pictured
    python docs/make_pictures.py data/pictured --source-root ~/torchvision

which writes ``<operation>.png`` for every operation, and ``mixes.png``, into docs/pictures. Copies are made
in memory, by the code that makes those of a store; the same store and libraries give the same bytes.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from neuralviews.augment.align_to import AlignTo
from neuralviews.augment.batch import Batch
from neuralviews.augment.compose import Compose
from neuralviews.augment.measure import measure, render_target
from neuralviews.augment.registry import OPERATIONS, build
from neuralviews.augment.supply import Supply
from neuralviews.draws import Draws, row_seeds
from neuralviews.errors import NoSourceRoot
from neuralviews.fit.reproduce import open_store_source
from neuralviews.fit.stated import stated_job
from neuralviews.grids import image_grid
from neuralviews.records import Split, Status
from neuralviews.report.copies import Strip
from neuralviews.report.image_painter import ImagePainter
from neuralviews.report.layout import DPI, Layout, StripLayout
from neuralviews.report.render import render_images, to_display
from neuralviews.report.sheet import INK, PALE, Block, Tile, draw_sheet, new_figure
from neuralviews.report.strip import draw_strips
from neuralviews.report.wording import decibels, label_text, shares_text, step_text
from neuralviews.seeds import derive_seed
from neuralviews.signals.catalogue import Source
from neuralviews.store.reader import Store, open_store

HALVES = {"law": "beta", "beta": 1000.0}  # shares of a half, nearly
SETTINGS: dict[str, dict[str, Any]] = {
    "sign_flip": {"p": 0.5},
    "random_symmetry": {"group": "phase"},
    "affine_coords": {"rotate": 45.0, "translate": 0.2, "scale": [0.7, 0.9]},
    "sdf_scale": {"low": 0.6, "high": 0.7},
    "affine_output": {"contrast": [0.5, 0.7], "invert": 1.0},
    "gaussian_noise": {"scale": 0.05},
    "multiplicative_noise": {"sigma": 0.05},
    "masking": {"p": 0.02},
    "dropout": {"p": 0.02},
    "quantile_masking": {"high": 0.1},
    "label_smoothing": {"epsilon": 0.1},
    "mixup": HALVES,
    "aligned_mixup": {"group": "phase", **HALVES},
    "self_mixup": {"steps": [{"op": "random_symmetry"}, {"op": "gaussian_noise", "scale": 0.05}], **HALVES},
}
"""Settings that show what an operation does; others are drawn with their defaults."""

MIXES: dict[str, list[dict[str, Any]]] = {
    "plain": [{"op": "mixup", **HALVES}],
    "aligned perm": [{"op": "aligned_mixup", "group": "perm", **HALVES}],
    "aligned phase": [{"op": "aligned_mixup", "group": "phase", **HALVES}],
    "repaired": [{"op": "aligned_mixup", "group": "phase", **HALVES}, {"op": "repair"}],
}
"""Ways to mix the same two fields with the same share."""

PAIRS = 3
MARGIN = 0.08  # inches
COLOURS = 128


@dataclass(frozen=True, eq=False)
class Copies:
    """Copies of some records, made in memory.

    Attributes:
        batch: the copies, with their parents and what they should render.
        images: the copies as pictures.
        expected: what they should render.
        psnr: of the copies against that, at all pixels, dB.
    """

    batch: Batch
    images: list[NDArray[np.float32]]
    expected: list[NDArray[np.float32]]
    psnr: NDArray[np.float32]


class Easel:
    """Makes copies of a store's records, and pictures of them."""

    def __init__(self, store: Store, source: Source | None) -> None:
        self.store, self.source, self.job = store, source, stated_job(store)
        self.shape = ImagePainter(store).shape
        usable = (store.column("split") == Split.train) & (store.column("status") != Status.diverged)
        self.supply = Supply(store, np.flatnonzero(usable))

    def make(self, steps: list[dict[str, Any]], rows: NDArray[np.int64]) -> Copies:
        """Copies of records by steps as in a plan."""
        compose = Compose([build(step, "pictures") for step in steps])
        context = replace(self.supply.context, zero=0.0)  # sdf_scale is shown on an image too
        compose.require(context)
        draws = Draws(row_seeds(derive_seed(0, "pictures"), rows))
        rule = compose.partner
        partners = None if rule is None else self.supply.partners(rows, draws, rule)
        parents = replace(self.supply.batch(rows, partners), context=context)
        batch, _ = compose.run(parents, draws, track=True)
        assert batch.target is not None
        second = None if batch.partner is None else batch.partner.weights
        grid = image_grid(*self.shape, batch.spec.axis_order)
        values = render_target(batch.spec, batch.target, batch.source, second, grid)
        found = measure(batch.spec, batch.weights, grid, values, batch.context.span)
        expected = self.shown(values.reshape(len(rows), *self.shape, -1))
        return Copies(batch, self.fields(batch.weights), expected, found.psnr)

    def fields(self, weights: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Pictures of fields."""
        return self.shown(render_images(self.store.spec, weights, self.shape))

    def shown(self, values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Pictures of values (n, height, width, channels)."""
        return [to_display(image, self.job.recipe.target.range) for image in values]

    def parent_tile(self, batch: Batch, row: int, name: str) -> Tile:
        """A field as it is in the store, with its label."""
        (image,) = self.fields(batch.source[row : row + 1])
        label = label_text(self.job.source.class_names, int(batch.labels.hard()[row]))
        return captioned(image, name, label)

    def source_tile(self, record_id: int) -> Tile | None:
        """What a record was fitted to, if its source is there."""
        if self.source is None:
            return None
        signal = self.source.signal(int(self.store.column("object_id")[record_id]))
        return captioned(self.shown(signal.values.reshape(1, *signal.shape, -1))[0], "source")


def captioned(image: NDArray[np.float32], name: str, text: str = "", color: str = PALE) -> Tile:
    """A tile with one line below it."""
    return Tile(image, name, ((text, color), ("", PALE)))


def steps_of(name: str, easel: Easel) -> list[dict[str, Any]]:
    """The steps that show an operation."""
    step = {"op": name, **SETTINGS.get(name, {})}
    if name == "align_to":
        reference = easel.store.weights(easel.supply.members[-1:])[0]
        return [{**step, "reference": AlignTo.of(reference).reference}]
    return [{"op": "aligned_mixup", **HALVES}, step] if name == "repair" else [step]


def operation_strip(name: str, easel: Easel) -> Strip:
    """A field, what an exact operation or a mixture should make of it, and what came out."""
    rows = easel.supply.members[:1]
    steps = steps_of(name, easel)
    made = easel.make(steps, rows)
    untouched = easel.supply.batch(rows)
    tiles = [easel.parent_tile(untouched, 0, "field")]
    if made.batch.partner is not None:
        tiles.append(easel.parent_tile(made.batch.partner, 0, "second field"))
    elif source := easel.source_tile(int(rows[0])):
        tiles.insert(0, source)
    assert made.batch.target is not None
    if build(steps[0], "pictures").exact or len(made.batch.target.terms) > 1:
        tiles.append(captioned(made.expected[0], "should render"))
    tiles.append(captioned(made.images[0], "copy", decibels(float(made.psnr[0])), INK))
    labels, names = made.batch.labels, easel.job.source.class_names
    label = shares_text(names, labels.classes[0], labels.shares[0])
    return Strip(", then ".join(map(step_text, steps)), label, tuple(tiles))


def mix_blocks(easel: Easel) -> list[Block]:
    """Pairs of fields, their mean, and what each way to mix them gives."""
    rows = easel.supply.members[:PAIRS]
    made = {name: easel.make(steps, rows) for name, steps in MIXES.items()}
    first, untouched = next(iter(made.values())), easel.supply.batch(rows)
    partner = first.batch.partner
    assert partner is not None
    return [
        [
            easel.parent_tile(untouched, row, "field"),
            easel.parent_tile(partner, row, "second field"),
            captioned(first.expected[row], "should render"),
            *(
                captioned(copies.images[row], name, decibels(float(copies.psnr[row])), INK)
                for name, copies in made.items()
            ),
        ]
        for row in range(len(rows))
    ]


def draw_operation(name: str, easel: Easel) -> Figure:
    """The picture of an operation."""
    strip = operation_strip(name, easel)
    page = StripLayout(1, len(strip.tiles))
    figure, box = sheet_of(page)
    draw_strips(figure, page, box, [strip])
    return figure


def draw_mixes(easel: Easel) -> Figure:
    """The picture of ways to mix."""
    blocks = mix_blocks(easel)
    page = Layout(len(blocks), len(blocks[0]))
    figure, box = sheet_of(page)
    draw_sheet(figure, page, box, blocks)
    return figure


def sheet_of(page: Layout) -> tuple[Figure, tuple[float, float, float, float]]:
    """A figure that holds a sheet and a margin, and the sheet's box in it."""
    width, height = page.sheet
    size = (width + 2 * MARGIN, height + 2 * MARGIN)
    return new_figure(size), (MARGIN / size[0], MARGIN / size[1], width / size[0], height / size[1])


def save(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG of few colours, which takes a third of the bytes."""
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option("--source-root", type=click.Path(path_type=Path), help="Folder that holds the source's files.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path(__file__).parent / "pictures", help="Folder."
)
def main(store: Path, source_root: Path | None, out: Path) -> None:
    """Draw what each augmentation does to a field of STORE, which holds grey images."""
    opened = open_store(store)
    try:
        source = open_store_source(opened, source_root)
    except NoSourceRoot:
        source = None
    easel = Easel(opened, source)
    out.mkdir(parents=True, exist_ok=True)
    for name in OPERATIONS:
        save(draw_operation(name, easel), out / f"{name}.png")
    save(draw_mixes(easel), out / "mixes.png")
    click.echo(f"{out}: {len(OPERATIONS) + 1} pictures")


if __name__ == "__main__":
    main()

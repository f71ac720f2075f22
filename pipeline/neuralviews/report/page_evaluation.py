"""What readers learn from a store, on its page: the table and the pictures of an evaluation."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from PIL import Image

from ..errors import FormatError, IntegrityError
from ..evaluate.plots import pictures
from ..evaluate.results import RESULTS_FILE, Evaluation
from ..evaluate.table import cells, heading
from .layout import DPI
from .page_html import Html, disclosure, element, joined, picture, table

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["evaluation_section"]

_MOST_ROWS = 200
_POINTS = 96  # pixels of the screen an inch
_PNG = ".png"


def evaluation_section(store: "Store", evaluation: Evaluation) -> Html:
    """Accuracies of every condition, pictures over what varies, and the command that measures them again.

    Raises:
        IntegrityError: the evaluation is of another store.
        FormatError: its results are not what an evaluation writes.
    """
    if evaluation.dataset_id != store.dataset_id:
        raise IntegrityError(
            f"evaluation: found one of dataset {evaluation.dataset_id}, expected {store.dataset_id}, "
            f"that of {store.root}; give the folder of an evaluation of this store"
        )
    if not evaluation.rows:
        return element("p", "The evaluation has no results.")
    try:
        return joined(_parts(evaluation))
    except (LookupError, TypeError, ValueError) as error:  # conditions and settings are any JSON
        cause = f"{type(error).__name__}: {error}"
        raise FormatError(f"evaluation: {RESULTS_FILE}: {cause}; evaluate again") from None


def _parts(evaluation: Evaluation) -> Iterator[Html]:
    yield from (element("p", line) for line in heading(evaluation))
    header, lines = cells(evaluation)
    caption = "Accuracy: mean ± sample standard deviation over seeds"
    if len(lines) > _MOST_ROWS:
        caption += f"; the first {_MOST_ROWS} of {len(lines):,} conditions, {RESULTS_FILE} has all"
    measured = header.index("records")
    yield table(caption, header, lines[:_MOST_ROWS], numbers=range(measured, len(header)))
    yield element(
        "p",
        "Accuracies in percent; the gap is train less test. results.md, beside the results, says what each "
        "is measured on. Records/s and the loader's share of the time are of the machine that measured them.",
        class_="note",
    )
    for name, data in pictures(evaluation).items():
        if name.endswith(_PNG):
            yield _plot(name.removesuffix(_PNG), data)
    yield element("h3", "Measure it again")
    yield element("pre", evaluation.command)
    versions = "\n".join(f"{name} {version}" for name, version in evaluation.versions.items())
    settings = "\n".join(f"{name} = {value}" for name, value in evaluation.settings.items())
    yield disclosure("Settings and versions", element("pre", f"{settings}\n\n{versions}"))


def _plot(axis: str, png: bytes) -> Html:
    width, height = (round(_POINTS / DPI * side) for side in Image.open(io.BytesIO(png)).size)
    alt = f"Test accuracy over {axis}; the table above has its numbers."
    drawn = element("figure", picture(png, alt, (width, height), "plot"))
    return element(
        "div", drawn, class_="scroll", role="region", tabindex=0, aria_label=f"Test accuracy over {axis}"
    )

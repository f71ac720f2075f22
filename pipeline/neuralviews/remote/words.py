"""Facts of a release in words: for the card, for croissant.json and for CITATION.cff."""

import re

from ..errors import printable
from ..exchange.registry import FORMATS, get_format
from ..recipe_schema import DigitsTable, FolderTable, TorchvisionTable
from .facts import ReleaseFacts
from .shipped import Shipped
from .terms import Terms

__all__ = [
    "counted",
    "decibels",
    "description",
    "files_name",
    "markdown",
    "siren",
    "source_name",
    "tags",
    "title_of",
]

_MARKS = re.compile(r"([\\`*_\[\]<>|#~&])")
_NO_ERROR = 999.0
_SHAPE_TARGETS = {"sdf": "signed distances", "udf": "unsigned distances", "occupancy": "occupancies"}


def markdown(text: str) -> str:
    """Anybody's text on one line of Markdown, none of it taken for markup."""
    return _MARKS.sub(r"\\\1", printable(text))


def decibels(psnr: float) -> str:
    """A PSNR; infinite for a loss of 0."""
    return "∞ dB" if psnr >= _NO_ERROR else f"{psnr:.1f} dB"


def siren(facts: ReleaseFacts) -> str:
    """The shape of a field, such as ``SIREN 2-32-32-1``."""
    return f"SIREN {'-'.join(map(str, facts.spec.dims))}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def title_of(facts: ReleaseFacts, terms: Terms, card: Shipped | None) -> str:
    """One line for people: what the publisher stated, else what is known of such fields, else the name.

    Args:
        card: of the recipe behind the dataset, if it came with neuralviews.
    """
    if terms.title is not None:
        return terms.title
    if facts.kind != "import":
        known = card.title if card is not None and facts.recipe is not None else ""
        return known or facts.name
    return f"{facts.name}: imported neural fields" if facts.published is None else facts.published.title


def files_name(facts: ReleaseFacts) -> str:
    """The files that imported fields were read from."""
    assert facts.imported is not None
    exchange = facts.imported.exchange
    title = f" ({get_format(exchange).TITLE})" if exchange in FORMATS else ""
    return f"files in the format {printable(exchange)}{title}"


def source_name(facts: ReleaseFacts) -> str:
    """What the fields were made from, as far as the store says."""
    if facts.source_recipe is None:
        return files_name(facts)
    source = facts.source_recipe.source
    if isinstance(source, DigitsTable):
        return "scikit-learn's handwritten digits"
    if isinstance(source, TorchvisionTable):
        return source.dataset
    return f"the {'images' if isinstance(source, FolderTable) else 'meshes'} in {printable(source.path)}"


def description(facts: ReleaseFacts) -> str:
    """A sentence or two on what the records are."""
    each = f"{siren(facts)}, {facts.spec.parameters:,} parameters each"
    fields = f"{counted(facts.records, 'neural field')} ({each})"
    if facts.kind == "import":
        return f"{fields}, imported from {files_name(facts)}."
    if facts.recipe is None:
        return f"{fields}: augmented copies of fields that were imported from {files_name(facts)}."
    source = source_name(facts)
    target = f"{_SHAPE_TARGETS[_target(facts)]} of " if facts.of_shapes else ""
    if facts.kind == "augment":
        return f"{fields}: augmented copies of fields that were fitted to {target}{source}."
    return f"{fields}, fitted to {target}{counted(facts.objects, 'object')} of {source}."


def _target(facts: ReleaseFacts) -> str:
    assert facts.recipe is not None
    assert facts.recipe.shape is not None
    return facts.recipe.shape.target


def tags(facts: ReleaseFacts) -> list[str]:
    """Words to find the dataset by."""
    words = [
        "implicit-neural-representations",
        "neural-fields",
        "siren",
        "weight-space-learning",
        "neuralviews",
    ]
    if facts.of_shapes:
        words += ["3d-shapes", *(["signed-distance-functions"] if _target(facts) == "sdf" else [])]
    return words + (["augmentation"] if facts.kind == "augment" else [])

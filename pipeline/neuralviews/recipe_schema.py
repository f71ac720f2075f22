"""The tables and keys of a recipe file, as frozen types, and the rules that join several keys.

Each key's `msgspec.Meta` description completes the phrase "expected ..." of error messages. Numbers are
bounded so that a fit in float32 has room to square them.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from .errors import SpecError
from .field import FieldSpec
from .grids import AxisOrder

__all__ = [
    "DigitsTable",
    "Document",
    "ExpectedTable",
    "FieldTable",
    "FitTable",
    "FolderTable",
    "IndexSplit",
    "InitTable",
    "RandomSplit",
    "SourceSplit",
    "StoreTable",
    "TargetTable",
    "TorchvisionTable",
    "problems",
]

MAX_VIEWS = 65_535
RANGE = "from -1e6 to 1e6, with high - low at least 1e-6 and at least 1e-4 of either's size"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")

Count = Annotated[int, Meta(ge=0, le=2**32 - 1, description="a whole number, 0 or more")]
Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Positive = Annotated[int, Meta(ge=1, le=10_000_000, description="a whole number from 1 to 10000000")]
Decibels = Annotated[float, Meta(ge=-200, le=200, description="a number of dB from -200 to 200")]
Factor = Annotated[float, Meta(ge=1e-6, le=1e6, description="a number from 1e-6 to 1e6")]
Value = Annotated[float, Meta(ge=-1e6, le=1e6, description="a number from -1e6 to 1e6")]
Arguments = Annotated[
    dict[str, bool | Integer | str], Meta(description="a table of true, false, whole numbers or strings")
]
Views = Annotated[int, Meta(ge=1, le=MAX_VIEWS, description=f"a whole number from 1 to {MAX_VIEWS}")]


class DigitsTable(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="digits"):
    """scikit-learn's bundled handwritten digits: 1,797 grey images of 8x8."""


class TorchvisionTable(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="torchvision"):
    """A class of ``torchvision.datasets``; each part is that class with these constructor arguments."""

    dataset: Annotated[str, Meta(description="the name of a class in torchvision.datasets, such as 'MNIST'")]
    train: Arguments = msgspec.field(default_factory=lambda: {"train": True})
    val: Arguments | None = None
    test: Arguments | None = None


class FolderTable(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="folder"):
    """A folder of images, found beside the recipe file or below the source root."""

    path: Annotated[str, Meta(description="a relative path with '/' and without '..'")]
    labels: Annotated[Literal["folders", "none"], Meta(description="'folders' or 'none'")] = "folders"
    splits: Annotated[Literal["folders", "none"], Meta(description="'folders' or 'none'")] = "none"


class FieldTable(Struct, frozen=True, forbid_unknown_fields=True):
    """The shape and the conventions of every field; see `FieldSpec`."""

    dims: Annotated[
        tuple[Integer, ...],
        Meta(description="whole numbers [in, hidden..., out] with at least one hidden layer"),
    ]
    omega: Annotated[
        Factor | tuple[Factor, ...],
        Meta(description="a number from 1e-6 to 1e6, or one for each hidden layer"),
    ] = 30.0
    output_offset: Value = 0.0
    output_scale: Factor = 1.0
    axis_order: Annotated[AxisOrder, Meta(description="'xy' or 'ij'")] = "xy"


class TargetTable(Struct, frozen=True, forbid_unknown_fields=True):
    """What black and full intensity become in the targets."""

    range: Annotated[tuple[Value, Value], Meta(description=f"two numbers [low, high], {RANGE}")] = (0.0, 1.0)


class InitTable(Struct, frozen=True, forbid_unknown_fields=True):
    """Initial weights: the scheme, and whether all objects of a view start from the same ones."""

    scheme: Annotated[Literal["siren", "dws"], Meta(description="'siren' or 'dws'")] = "siren"
    shared: Annotated[bool, Meta(description="true or false")] = False


class FitTable(Struct, frozen=True, forbid_unknown_fields=True):
    """How long and how fast to fit, and what happens to a field that turns out badly."""

    steps: Positive = 1000
    lr: Annotated[float, Meta(ge=1e-12, le=10, description="a number from 1e-12 to 10")] = 5e-4
    schedule: Annotated[Literal["constant", "cosine"], Meta(description="'constant' or 'cosine'")] = (
        "constant"
    )
    target_psnr: Decibels | None = None
    keep_best: Annotated[bool, Meta(description="true or false")] = False
    min_psnr: Decibels | None = None
    retries: Annotated[int, Meta(ge=0, le=16, description="a whole number from 0 to 16")] = 2


class RandomSplit(Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="random"):
    """So many objects, in the order of their hashed seeds, leave the train part."""

    val: Count = 0
    test: Count = 0


class IndexSplit(Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="index"):
    """object_id < train is train, < val is val, the rest is test, whatever the source's own parts are."""

    train: Count
    val: Count


class SourceSplit(Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="source"):
    """The source's own parts, unchanged."""


class StoreTable(Struct, frozen=True, forbid_unknown_fields=True):
    """The cut of the store into shards."""

    rows_per_shard: (
        Annotated[int, Meta(ge=1, le=2**24, description="a whole number from 1 to 16777216")] | None
    ) = None


class ExpectedTable(Struct, frozen=True, forbid_unknown_fields=True):
    """What the card promises; no byte of the dataset depends on it."""

    objects: Count
    median_psnr: Decibels | None = None
    estimated: Annotated[bool, Meta(description="true or false")] = False


class Document(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A recipe file as written, defaults filled in."""

    name: Annotated[str, Meta(description="1 to 64 of a-z, 0-9 and '-', not starting with '-'")]
    title: Annotated[str, Meta(description="one line of text")] = ""
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1, description="a whole number from 0 to 2**63 - 1")] = 0
    views: Views = 1
    source: DigitsTable | TorchvisionTable | FolderTable
    field: FieldTable
    target: TargetTable = TargetTable()
    init: InitTable = InitTable()
    fit: FitTable = FitTable()
    split: RandomSplit | IndexSplit | SourceSplit = RandomSplit()
    store: StoreTable = StoreTable()
    expected: ExpectedTable | None = None


def problems(recipe: Document) -> Iterator[tuple[str, str]]:
    """What the types alone do not exclude, as (key, found and expected)."""
    if not NAME.fullmatch(recipe.name):
        yield "name", f"found {recipe.name!r}, expected 1 to 64 of a-z, 0-9 and '-', not starting with '-'"
    if not recipe.title.isprintable():
        yield "title", f"found {recipe.title!r}, expected one line of text"
    low, high = recipe.target.range
    if high - low < max(1e-6, 1e-4 * max(abs(low), abs(high))):  # float32 must tell 256 levels apart
        yield "target.range", f"found {[low, high]}, expected two numbers [low, high], {RANGE}"
    yield from _field_problems(recipe)
    yield from _source_problems(recipe)
    fit, split = recipe.fit, recipe.split
    if recipe.init.shared and fit.retries:
        yield "fit.retries", f"found {fit.retries}, expected 0: objects that share an init have no next seed"
    if fit.min_psnr is not None and fit.target_psnr is not None and fit.min_psnr > fit.target_psnr:
        yield "fit.min_psnr", f"found {fit.min_psnr}, expected at most fit.target_psnr = {fit.target_psnr}"
    if isinstance(split, IndexSplit) and split.train > split.val:
        yield "split.val", f"found {split.val}, expected a boundary not below split.train = {split.train}"


def _field_problems(recipe: Document) -> Iterator[tuple[str, str]]:
    table = recipe.field
    try:
        spec = FieldSpec(table.dims, table.omega, table.output_offset, table.output_scale, table.axis_order)
    except SpecError as error:
        name, _, problem = str(error).partition(": ")
        yield f"field.{name}", problem
        return
    if spec.in_dim != 2:
        yield "field.dims", f"found {list(spec.dims)}, expected 2 inputs, the coordinates of an image"
    if isinstance(recipe.source, DigitsTable) and spec.out_dim != 1:
        yield "field.dims", f"found {list(spec.dims)}, expected 1 output: the digits are grey"
    if spec.out_dim > 4:
        yield (
            "field.dims",
            f"found {list(spec.dims)}, expected 1 output for grey, 2 with alpha, 3 for RGB, 4 with alpha",
        )


def _source_problems(recipe: Document) -> Iterator[tuple[str, str]]:
    source = recipe.source
    if isinstance(source, FolderTable):
        path = PurePosixPath(source.path)
        if not source.path or path.is_absolute() or ".." in path.parts or "\\" in source.path:
            yield (
                "source.path",
                (
                    f"found {source.path!r}, expected a relative path with '/' and without '..'; "
                    "it is looked up beside the recipe or below --source-root"
                ),
            )
    if isinstance(source, TorchvisionTable):
        for part in ("train", "val", "test"):
            taken = {"root", "download", "transform", "target_transform", "transforms", "loader"}
            for key in sorted(taken & set(getattr(source, part) or {})):
                yield f"source.{part}.{key}", "expected no such argument: neuralviews sets it"
    own_parts = not isinstance(source, DigitsTable) and getattr(source, "splits", "folders") == "folders"
    if isinstance(recipe.split, SourceSplit) and not own_parts:
        yield "split.rule", "found 'source', expected 'random' or 'index': the source has no parts of its own"

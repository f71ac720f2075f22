"""The rules of a recipe that join several keys, or that types alone do not state."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import PurePosixPath

from .errors import SpecError
from .field import FieldSpec
from .recipe_schema import (
    RANGE,
    DigitsTable,
    Document,
    FolderTable,
    IndexSplit,
    MeshTable,
    ScopeTable,
    SourceSplit,
    TorchvisionTable,
)

__all__ = ["problems"]

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


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
    yield from _shape_problems(recipe)
    yield from _method_problems(recipe)
    fit, split = recipe.fit, recipe.split
    if fit.points is not None and (fit.target_psnr is not None or fit.keep_best):
        key = "keep_best" if fit.keep_best else "target_psnr"
        yield (
            f"fit.{key}",
            "expected none beside fit.points: a step's points do not tell how good a field is",
        )
    if fit.loss == "bce" and not 0 <= low < high <= 1:
        yield "target.range", f"found {[low, high]}, expected numbers from 0 to 1 for fit.loss = 'bce'"
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
    if isinstance(recipe.source, MeshTable):
        if (spec.in_dim, spec.out_dim) != (3, 1):
            yield "field.dims", f"found {list(spec.dims)}, expected 3 inputs and 1 output for shapes"
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


def _method_problems(recipe: Document) -> Iterator[tuple[str, str]]:
    """What cannot be done beside plain fitting, or not together."""
    fit, pairs = recipe.fit, list(pairwise(recipe.field.dims))
    if fit.shadow is not None and fit.robust is not None:
        yield "fit.shadow", "expected none beside fit.robust: which of the two comes first is not defined"
    if fit.shadow is not None and isinstance(recipe.source, MeshTable):
        yield "fit.shadow", "expected none for shapes, whose IoU would not be that of the shadow"
    if fit.scope is not None and min((i * o for i, o in pairs), default=2) < 2:
        yield "fit.scope", f"found dims {list(recipe.field.dims)}, expected layers of 2 weights or more"
    if not isinstance(fit.scope, ScopeTable):
        return
    for key in ("mean", "sd"):
        if (found := len(getattr(fit.scope, key))) != len(pairs):
            yield f"fit.scope.{key}", f"found {found} numbers, expected {len(pairs)}, one for each layer"


def _shape_problems(recipe: Document) -> Iterator[tuple[str, str]]:
    shape, source = recipe.shape, recipe.source
    if not isinstance(source, MeshTable):
        if shape is not None:
            yield "shape", f"expected no such table for source.kind = '{source.__struct_config__.tag}'"
        return
    if source.splits == "inside-classes" and source.labels == "none":
        yield "source.labels", "found 'none', expected 'folders' beside source.splits = 'inside-classes'"
    if source.classes is not None and (
        source.labels == "none" or len({*source.classes}) < len(source.classes)
    ):
        yield "source.classes", "expected different names, and source.labels = 'folders'"
    if shape is not None and shape.unreliable == "udf" and shape.target != "sdf":
        yield (
            "shape.unreliable",
            f"found 'udf', expected 'mark' or 'skip' for shape.target = '{shape.target}'",
        )
    if shape is not None and not shape.near and not shape.uniform:
        yield "shape.near", "found no samples, expected some here or in shape.uniform"


def _source_problems(recipe: Document) -> Iterator[tuple[str, str]]:
    source = recipe.source
    if isinstance(source, FolderTable | MeshTable):
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
    own_parts = not isinstance(source, DigitsTable) and getattr(source, "splits", "folders") != "none"
    if isinstance(recipe.split, SourceSplit) and not own_parts:
        yield "split.rule", "found 'source', expected 'random' or 'index': the source has no parts of its own"

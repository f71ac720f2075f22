"""What ``info`` says of fields of shapes alone: their targets, how true they are, what was left out."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["fitted_rows", "quality_rows", "shapes_facts"]

_SHOWN = 10
_LENGTHS = {
    "cube": "half of a mesh's longest edge is {:g}",
    "sphere": "a mesh's farthest vertex lies at {:g}",
}
_FATES = {
    "mark": "fitted all the same",
    "udf": "fitted as unsigned distance",
    "skip": "left out",
}


def shapes_facts(store: "Store") -> dict[str, Any]:
    """The summary of fitted shapes, as JSON values; nothing of other stores."""
    import msgspec

    summary = store.manifest.summary.shapes
    return {} if summary is msgspec.UNSET else {"shapes": msgspec.to_builtins(summary)}


def fitted_rows(recipe: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What fields of shapes, or the parents of such copies, were fitted to; nothing of other recipes.

    Args:
        recipe: in canonical form.
    """
    shape = recipe.get("shape")
    if shape is None:
        return
    truncation = shape["truncation"]
    target = {
        "sdf": f"signed distance, negative inside, cut at -{truncation:g} and {truncation:g}",
        "udf": f"unsigned distance, cut at {truncation:g}",
        "occupancy": "occupancy, " + ("as a logit" if recipe["fit"].get("loss") == "bce" else "as a number"),
    }[shape["target"]]
    yield "shape", f"{target}; {_LENGTHS[shape['normalize']].format(shape['size'])}"
    samples = []
    if shape["near"]:
        counts, deviations = (" and ".join(part) for part in zip(*_near(shape["near"]), strict=True))
        samples.append(f"{counts} near the surface (deviation {deviations})")
    if shape["uniform"]:
        samples.append(f"{shape['uniform']:,} in the whole cube")
    points = recipe["fit"].get("points")
    yield "samples", ", ".join(samples) + ("" if points is None else f"; {points:,} of them a step")


def quality_rows(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """How true the fitted fields of shapes are, which meshes were doubtful, and which were left out."""
    found, shape, source = facts["shapes"], facts["recipe"]["shape"], facts["source"]
    targets = {name: count for name, count in found["targets"].items() if count}
    iou, error = found.get("iou"), found["surface_error"]
    if iou is not None:
        yield "IoU", f"median {iou['median']:.3f}, 5 % below {iou['p05']:.3f}, lowest {iou['min']:.3f}"
    unit = "probability" if "occupancy" in targets else "units of the domain"
    yield (
        "surface error",
        f"median {error['median']:.4f}, 5 % above {error['p95']:.4f}, highest {error['max']:.4f} ({unit})",
    )
    if len(targets) > 1:
        yield "fitted as", ", ".join(f"{name} {count:,}" for name, count in targets.items())
    limit, fate = f"{100 * shape['max_disagreement']:g} %", _FATES[shape["unreliable"]]
    yield "marked", f"{_objects(found['marked'])} with a sign disagreement above {limit}; such are {fate}"
    left_out = sorted(source["left_out"].items())
    if left_out:
        classes = sum(name.endswith("/") for name, _ in left_out)
        parts = ((classes, "class", "classes"), (len(left_out) - classes, "file", "files"))
        yield "left out", ", ".join(f"{n:,} {one if n == 1 else many}" for n, one, many in parts if n)
    yield from ((f"  {name}", reason) for name, reason in left_out[:_SHOWN])
    if len(left_out) > _SHOWN:
        yield "  ...", f"and {len(left_out) - _SHOWN:,} more; --json lists all"
    yield "ground truth", ", ".join(f"{name} {version}" for name, version in source["tools"].items())


def _near(near: Iterable[tuple[float, int]]) -> Iterator[tuple[str, str]]:
    """Count and deviation of each stretch of samples, as text."""
    return ((f"{count:,}", f"{deviation:g}") for deviation, count in near)


def _objects(count: int) -> str:
    return f"{count:,} object{'' if count == 1 else 's'}"

"""The tables and keys of a recipe file, as frozen types; `recipe_rules` has the rules that join several keys.

Each key's `msgspec.Meta` description completes the phrase "expected ..." of error messages. Numbers are
bounded so that a fit in float32 has room to square them.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from .grids import AxisOrder

__all__ = [
    "DampTable",
    "DigitsTable",
    "Document",
    "ExpectedTable",
    "FieldTable",
    "FitTable",
    "FolderTable",
    "IndexSplit",
    "InitTable",
    "MeshTable",
    "PilotTable",
    "RandomSplit",
    "ScopeTable",
    "ShapeTable",
    "SourceSplit",
    "StoreTable",
    "TargetTable",
    "TorchvisionTable",
]

MAX_VIEWS = 65_535
RANGE = "from -1e6 to 1e6, with high - low at least 1e-6 and at least 1e-4 of either's size"

Count = Annotated[int, Meta(ge=0, le=2**32 - 1, description="a whole number, 0 or more")]
Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Positive = Annotated[int, Meta(ge=1, le=10_000_000, description="a whole number from 1 to 10000000")]
Decibels = Annotated[float, Meta(ge=-200, le=200, description="a number of dB from -200 to 200")]
Factor = Annotated[float, Meta(ge=1e-6, le=1e6, description="a number from 1e-6 to 1e6")]
Weight = Annotated[float, Meta(ge=1e-9, le=1e3, description="a number from 1e-9 to 1000")]
Value = Annotated[float, Meta(ge=-1e6, le=1e6, description="a number from -1e6 to 1e6")]
Length = Annotated[float, Meta(ge=1e-4, le=1, description="a number from 1e-4 to 1")]
Samples = Annotated[int, Meta(ge=1, le=10_000_000, description="a whole number from 1 to 10000000")]
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


class MeshTable(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="meshes"):
    """Meshes below a folder or in a zip archive, found beside the recipe file or below the source root."""

    path: Annotated[str, Meta(description="a relative path with '/' and without '..'")]
    labels: Annotated[Literal["folders", "none"], Meta(description="'folders' or 'none'")] = "folders"
    splits: Annotated[
        Literal["folders", "inside-classes", "none"],
        Meta(description="'folders', 'inside-classes' or 'none'"),
    ] = "none"
    classes: Annotated[tuple[str, ...], Meta(description="names of the class folders")] | None = None


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


class ShapeTable(Struct, frozen=True, forbid_unknown_fields=True):
    """What is sampled of a mesh. Lengths are in units of the fields' domain, the cube [-1, 1]^3.

    Args:
        target: what fields learn: the signed distance (negative inside), the unsigned distance, or
            whether a point is inside. Distances are cut at ``truncation``; ``target.range`` are the values
            at its ends: -truncation and truncation, 0 and truncation, or outside and inside.
        normalize, size: the mesh is centred and scaled: the longest half edge of its bounding box
            (``cube``) or the distance of its farthest vertex (``sphere``) becomes ``size``.
        near: (standard deviation, count) of points drawn on the surface and moved by normal draws.
        uniform: points drawn in the whole cube.
        max_disagreement: so far may sight contradict what is held to be inside (`mesh.visibility`).
        unreliable: what becomes of objects beyond it: fitted all the same and marked, fitted as
            unsigned distance, or left out.
    """

    target: Annotated[Literal["sdf", "udf", "occupancy"], Meta(description="'sdf', 'udf' or 'occupancy'")] = (
        "sdf"
    )
    truncation: Length = 0.1
    normalize: Annotated[Literal["cube", "sphere"], Meta(description="'cube' or 'sphere'")] = "cube"
    size: Length = 0.9
    near: Annotated[
        tuple[tuple[Length, Samples], ...],
        Meta(description="pairs [standard deviation, count], each from 1e-4 to 1 and from 1 to 10000000"),
    ] = ((0.01, 32768), (0.05, 16384))
    uniform: Annotated[int, Meta(ge=0, le=10_000_000, description="a whole number from 0 to 10000000")] = (
        16384
    )
    max_disagreement: Annotated[float, Meta(ge=0, le=1, description="a number from 0 to 1")] = 0.1
    unreliable: Annotated[Literal["mark", "udf", "skip"], Meta(description="'mark', 'udf' or 'skip'")] = (
        "mark"
    )


class InitTable(Struct, frozen=True, forbid_unknown_fields=True):
    """Initial weights: the scheme, and whether all objects of a view start from the same ones."""

    scheme: Annotated[Literal["siren", "dws"], Meta(description="'siren' or 'dws'")] = "siren"
    shared: Annotated[bool, Meta(description="true or false")] = False


class DampTable(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="damp"):
    """Each step's gradient is taken at weights times 1 + sigma N(0, 1); see `fit.damp`."""

    sigma: Annotated[float, Meta(gt=0, le=1, description="a number above 0, at most 1")]


class PilotTable(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="pilot"):
    """The scope that a few plain fits have; a run writes its numbers into the job, as a `ScopeTable`."""

    weight: Weight = 1e-2


class ScopeTable(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="fixed"):
    """The mean and the standard deviation that each layer's weights are drawn towards; see `fit.scope`."""

    mean: Annotated[tuple[Value, ...], Meta(description="a number from -1e6 to 1e6 for each layer")]
    sd: Annotated[tuple[Factor, ...], Meta(description="a number from 1e-6 to 1e6 for each layer")]
    weight: Weight = 1e-2


class FitTable(Struct, frozen=True, forbid_unknown_fields=True):
    """How long and how fast to fit, and what happens to a field that turns out badly.

    Args:
        loss: ``mse``, or ``bce`` of logits: the field's output passes a sigmoid before it is compared.
        points: how many points each step draws; None takes all points of the signal in every step.
        robust, scope, shadow: what is done beside plain fitting; see `fit.method`.
    """

    steps: Positive = 1000
    lr: Annotated[float, Meta(ge=1e-12, le=10, description="a number from 1e-12 to 10")] = 5e-4
    schedule: Annotated[Literal["constant", "cosine"], Meta(description="'constant' or 'cosine'")] = (
        "constant"
    )
    target_psnr: Decibels | None = None
    keep_best: Annotated[bool, Meta(description="true or false")] = False
    min_psnr: Decibels | None = None
    retries: Annotated[int, Meta(ge=0, le=16, description="a whole number from 0 to 16")] = 2
    loss: Annotated[Literal["mse", "bce"], Meta(description="'mse' or 'bce'")] = "mse"
    points: Positive | None = None
    robust: DampTable | None = None
    scope: PilotTable | ScopeTable | None = None
    shadow: Annotated[Literal["int8", "fp16"], Meta(description="'int8' or 'fp16'")] | None = None


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
    train: Count | None = None
    test: Count | None = None
    median_iou: Annotated[float, Meta(ge=0, le=1, description="a number from 0 to 1")] | None = None
    median_psnr: Decibels | None = None
    estimated: Annotated[bool, Meta(description="true or false")] = False


class Document(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A recipe file as written, defaults filled in."""

    name: Annotated[str, Meta(description="1 to 64 of a-z, 0-9 and '-', not starting with '-'")]
    title: Annotated[str, Meta(description="one line of text")] = ""
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1, description="a whole number from 0 to 2**63 - 1")] = 0
    views: Views = 1
    source: DigitsTable | TorchvisionTable | FolderTable | MeshTable
    field: FieldTable
    target: TargetTable = TargetTable()
    shape: ShapeTable | None = None
    init: InitTable = InitTable()
    fit: FitTable = FitTable()
    split: RandomSplit | IndexSplit | SourceSplit = RandomSplit()
    store: StoreTable = StoreTable()
    expected: ExpectedTable | None = None

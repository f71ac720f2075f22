"""Meshes as signals: points around a surface and their distances from it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path, PurePosixPath

import msgspec
import numpy as np

from ..draws import Draws
from ..errors import SourceError
from ..mesh.distance import inside, signed_distance, unsigned_distance
from ..mesh.load import parse_mesh
from ..mesh.mesh import Mesh
from ..mesh.normalize import normalized
from ..mesh.repair import Repairs, repaired
from ..mesh.sampling import near_surface, uniform
from ..mesh.visibility import sign_disagreement
from ..recipe import Recipe
from ..recipe_schema import ShapeTable
from ..records import ShapeTarget
from ..seeds import derive_seed
from ..store.canonical import sha256_hex
from .base import Objects, Signal
from .mesh_files import MeshFiles
from .sample_cache import SampleCache, content_key
from .samples import GRID, ShapeFacts, ShapeSamples, cell_centres
from .shape_values import ShapeValues
from .splits import assign_splits

__all__ = ["ShapeSource", "sample_shape"]

SAMPLES = 1
"""Raised whenever the same mesh, recipe and libraries would give other samples than in a release before."""

CHECKS = 8192
"""Points near the surface at which errors are measured."""


@dataclass(frozen=True, eq=False)
class ShapeSource:
    """Meshes under a recipe; what is sampled of one is kept for the next who asks.

    Args:
        files: see `Source.files`.
        left_out: see `Source.left_out`.
    """

    recipe: Recipe
    meshes: MeshFiles
    cache: SampleCache
    files: Mapping[str, str]
    left_out: Mapping[str, str]

    @property
    def root(self) -> Path | None:
        return self.meshes.root

    @property
    def class_names(self) -> tuple[str, ...] | None:
        return self.meshes.class_names

    @property
    def tools(self) -> Mapping[str, str]:
        """The samples' own version among them."""
        return {"samples": str(SAMPLES), **{name: version(name) for name in ("libigl", "scipy", "trimesh")}}

    @cached_property
    def objects(self) -> Objects:
        """All meshes but those left out; object_id is their number among all mesh files."""
        kept = np.array([name not in self.left_out for name in self.meshes.names], np.bool_)
        rows = np.flatnonzero(kept)
        splits = assign_splits(self.recipe, self.meshes.parts)
        return Objects(rows.astype(np.uint32), self.meshes.labels[rows], splits[rows])

    def without(self, problems: Mapping[str, str]) -> "ShapeSource":
        """The same source with more left out: name -> `Reason`."""
        return replace(self, left_out={**self.left_out, **problems})

    def name(self, object_id: int) -> str:
        """Path of a mesh below the place of all of them, with '/'."""
        return self.meshes.names[object_id]

    def image_shape(self, object_id: int) -> None:
        """Shapes are no images."""

    def mesh(self, object_id: int) -> Mesh:
        """A mesh as its fields see it: repaired, centred and scaled.

        Raises:
            SourceError: it cannot be read, or is no mesh.
        """
        return self._mesh(object_id, self.meshes.read(object_id))[0]

    def signal(self, object_id: int) -> Signal:
        """Points around the surface, and targets that stand for their distances from it."""
        samples = self.samples(object_id)
        values = ShapeValues.of(self.recipe).of_distance(samples.distance)
        return Signal(samples.points, values[:, None], None, samples)

    def samples(self, object_id: int) -> ShapeSamples:
        """What is sampled of a mesh; it follows from its bytes, the recipe and `tools` alone.

        Raises:
            SourceError: the mesh cannot be read, or is none.
            OutputError: samples cannot be kept.
        """
        data = self.meshes.read(object_id)
        digest = sha256_hex(data)
        facts = {"mesh": digest, "format": self._suffix(object_id), "tools": dict(self.tools)}
        key = content_key({**facts, "seed": self.recipe.seed, "shape": msgspec.to_builtins(self._table)})
        found = self.cache.find(key)
        if found is None:
            mesh, repairs = self._mesh(object_id, data)
            seed = derive_seed(self.recipe.seed, "samples", digest)
            try:
                found = sample_shape(mesh, repairs, self._table, seed)
            except SourceError as error:
                raise SourceError(f"{self.meshes.describe(object_id)}: {error}") from None
            self.cache.keep(key, found)
        return found

    @property
    def _table(self) -> ShapeTable:
        assert self.recipe.shape is not None
        return self.recipe.shape

    def _suffix(self, object_id: int) -> str:
        return PurePosixPath(self.name(object_id)).suffix.lower()

    def _mesh(self, object_id: int, data: bytes) -> tuple[Mesh, Repairs]:
        where, clouds = self.meshes.describe(object_id), self._table.target == "udf"
        raw = parse_mesh(data, self._suffix(object_id), where, points_allowed=clouds)
        return repaired(normalized(raw, self._table.normalize, self._table.size))


def sample_shape(mesh: Mesh, repairs: Repairs, table: ShapeTable, seed: int) -> ShapeSamples:
    """Draw the points that a recipe asks for, and measure how far they are from the surface.

    Args:
        mesh: in the cube [-1, 1]^3.
        seed: of all draws.
    """
    draws = Draws(np.array([seed], np.uint64))
    parts = [near_surface(mesh, sigma, count, draws.child(i)) for i, (sigma, count) in enumerate(table.near)]
    parts.append(uniform(table.uniform, draws.child(len(table.near))))
    points = np.concatenate(parts)
    check = near_surface(mesh, table.truncation / 4, CHECKS, draws.child(len(table.near) + 1))
    occupancy, disagreement = np.zeros((GRID, GRID, GRID), np.bool_), 0.0
    target = ShapeTarget[table.target]
    if target is not ShapeTarget.udf:
        occupancy = inside(mesh, cell_centres()).reshape(occupancy.shape)
        disagreement = sign_disagreement(mesh, occupancy)
    facts = ShapeFacts(disagreement, target, repairs)
    if facts.beyond(table.max_disagreement) and table.unreliable == "udf":
        facts, occupancy = replace(facts, target=ShapeTarget.udf), np.zeros_like(occupancy)
    measure = unsigned_distance if facts.target is ShapeTarget.udf else signed_distance
    return ShapeSamples(
        points=points,
        distance=measure(mesh, points).astype(np.float32),
        check_points=check,
        check_distance=measure(mesh, check).astype(np.float32),
        occupancy=occupancy,
        facts=facts,
    )

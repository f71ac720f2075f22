"""Ground truth of shapes: how often signs are right, what real meshes score, and how fast it is.

Points are those of the default recipe: two thirds near the surface, the rest all over the cube. Ways to tell
inside from outside are asked about the same points of the same damaged solids.
"""

import os
import statistics
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import igl
import numpy as np
from numpy.typing import NDArray

from neuralviews.draws import Draws
from neuralviews.mesh.distance import inside, signed_distance
from neuralviews.mesh.load import parse_mesh
from neuralviews.mesh.mesh import Mesh
from neuralviews.mesh.normalize import normalized
from neuralviews.mesh.repair import repaired
from neuralviews.mesh.sampling import near_surface, uniform
from neuralviews.mesh.visibility import sign_disagreement
from neuralviews.signals.samples import GRID, cell_centres

from ..mesh.solids import sphere
from ..mesh.truth import CASES, by_winding, right_signs
from .rows import Row

POINTS = 8192
WAYS = {
    "repair, then winding": by_winding,
    "fast winding number": lambda mesh, points: igl.fast_winding_number(*_arrays(mesh, points)) > 0.5,
    "pseudonormals": lambda mesh, points: _by_pseudonormals(*_arrays(mesh, points)),
}


def section(rounds: int) -> str:
    """Everything about ground truth, as a section of the report."""
    lines = [
        "## Ground truth of shapes",
        "",
        "Percentage of right signs on damaged solids, inside and outside counted alike, of points farther",
        "than 0.001 from the surface; the last two columns are libigl's, without repair.",
        "",
        f"| damage | wanted | {' | '.join(WAYS)} |",
        "|---|---|" + "---|" * len(WAYS),
    ]
    for case in CASES:
        rates = " | ".join(f"{right_signs(case, way):.2f}" for way in WAYS.values())
        lines.append(f"| {case.name} | {case.wanted:g} | {rates} |")
    lines += ["", "| figure | measured | wanted |", "|---|---|---|"]
    for row in measure(rounds):
        lines.append(f"| {row.name} | {row.value:.4g} {row.unit} | {row.target} |")
    scores = list(_real())
    if scores:
        lines += [
            "",
            "Real ModelNet meshes: share of the cube that is inside, how far sight contradicts that, and",
            "signed distances a CPU second.",
            "",
            "| mesh | faces | inside | disagreement | points/s |",
            "|---|---|---|---|---|",
            *scores,
        ]
    return "\n".join(lines)


def measure(rounds: int) -> list[Row]:
    """Speed on spheres, which are as large as the largest meshes."""
    middle, large = sphere(6, 0.9), sphere(7, 0.9)
    points = _points(middle)
    speed = POINTS / _cpu(rounds, lambda: signed_distance(middle, points))
    repair = _cpu(rounds, lambda: repaired(large))
    occupancy = inside(middle, cell_centres()).reshape(GRID, GRID, GRID)
    sight = _cpu(rounds, lambda: sign_disagreement(middle, occupancy))
    faces = f"{len(middle.faces):,} faces"
    return [
        Row(f"signed distance, {faces}", speed, "points/s", "", None, "at least 20000"),
        Row(f"repair, {len(large.faces):,} faces", repair, "s", "", None, ""),
        Row(f"disagreement, {faces}, {GRID}^3 cells", sight, "s", "", None, ""),
    ]


def _real() -> Iterator[str]:
    """A row of each real mesh; none where there are no meshes."""
    given = os.environ.get("NEURALVIEWS_TEST_DATA")
    if not given:
        return
    with zipfile.ZipFile(Path(given) / "modelnet_original.zip") as archive:
        for name in sorted(archive.namelist()):
            raw = parse_mesh(archive.read(name), ".off", name)
            mesh, _ = repaired(normalized(raw, "cube", 0.9))
            occupancy = inside(mesh, cell_centres()).reshape(GRID, GRID, GRID)
            score, points = sign_disagreement(mesh, occupancy), _points(mesh)
            speed = POINTS / _cpu(1, lambda mesh=mesh, points=points: signed_distance(mesh, points))
            cells = f"{len(mesh.faces)} | {occupancy.mean():.3f} | {score:.3f} | {speed:.0f}"
            yield f"| {name.partition('/')[0]} {Path(name).stem} | {cells} |"


def _points(mesh: Mesh) -> NDArray[np.float32]:
    draws = Draws(np.array([0], np.uint64))
    near = [near_surface(mesh, sigma, POINTS // 3, draws.child(i)) for i, sigma in enumerate((0.01, 0.05))]
    return np.concatenate([*near, uniform(POINTS - 2 * (POINTS // 3), draws.child(2))])


def _cpu(rounds: int, work: Callable[[], object]) -> float:
    """CPU seconds, median over rounds after one that warms up."""
    spent = []
    for _ in range(rounds + 1):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return statistics.median(spent[1:])


def _arrays(
    mesh: Mesh, points: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    return mesh.vertices, np.ascontiguousarray(mesh.faces), points.astype(np.float64)


def _by_pseudonormals(
    vertices: NDArray[np.float64], faces: NDArray[np.int64], points: NDArray[np.float64]
) -> NDArray[np.bool_]:
    kind = igl.SIGNED_DISTANCE_TYPE_PSEUDONORMAL
    found: NDArray[np.bool_] = igl.signed_distance(points, vertices, faces, kind)[0] < 0
    return found


if __name__ == "__main__":
    sys.stdout.write(section(3) + "\n")

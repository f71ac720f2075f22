"""Signs are right on damaged solids, as often as is promised of each kind of damage."""

import numpy as np
import pytest

from neuralviews.mesh.distance import inside

from .truth import CASES, Case, by_winding, known_points, right_signs, solids


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_signs_are_right(case: Case) -> None:
    assert right_signs(case, by_winding) >= case.wanted


def test_the_solids_are_as_fine_as_real_meshes() -> None:
    assert all(3000 <= len(solid.mesh.faces) <= 10_000 for solid in solids())
    assert solids()[-1].part.max() == 5


def test_the_truth_is_that_of_formulas() -> None:
    for name, formula in {
        "sphere": lambda p: (p**2).sum(axis=1) < 0.7**2,
        "box": lambda p: (np.abs(p) < [0.6, 0.5, 0.4]).all(axis=1),
        "torus": lambda p: (np.hypot(p[:, 0], p[:, 1]) - 0.6) ** 2 + p[:, 2] ** 2 < 0.25**2,
    }.items():
        points, truth = known_points(name)
        assert (formula(points.astype(np.float64)) == truth).mean() > 0.985  # facets are within the curve
        assert 0.2 < truth.mean() < 0.8


def test_damage_does_harm() -> None:
    """Each case but the first, and those that winding numbers stand anyway, is wrong without repair."""
    harmless = {
        "clean",
        "3 % patch hole",
        "10 % holes",
        "inside out",
        "doubled, wound alike",
        "soup of triangles",
    }
    for case in CASES:
        if case.name not in harmless:
            assert right_signs(case, inside) < 98, case.name

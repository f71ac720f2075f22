"""Rates of whole fits from few of their steps, beside a naive fit of as many points a step."""

from collections.abc import Callable

import numpy as np
import pytest
from torch import Tensor

from neuralviews.recipe import load_recipe

from . import bench_fit, naive
from .bench_fit import shapes, whole_seconds
from .naive import naive_fit


@pytest.mark.parametrize("steps", [2, 20, 2000])
def test_what_does_not_depend_on_the_steps_is_counted_once(
    steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent = [100.0]  # of the first call alone, which compiles

    def fit(steps: int) -> None:
        spent[-1] += 7 + 3 * steps
        spent.append(0.0)

    def fake_seconds(work: Callable[[], object]) -> float:
        work()
        return spent[-2]

    monkeypatch.setattr(bench_fit, "cpu_seconds", fake_seconds)
    assert whole_seconds(fit, steps, 2000) == 7 + 3 * 2000


def test_the_shape_of_the_recipe_is_fitted_as_it_states() -> None:
    recipe = load_recipe("modelnet40")
    (shape,) = (shape for shape in shapes() if shape.batch is not None)
    assert (shape.spec, shape.batch, shape.whole) == (recipe.spec, recipe.fit.points, recipe.fit.steps)
    assert shape.coords.shape == (65536, 3)
    assert shape.steps["cpu"] == shape.whole


@pytest.mark.parametrize("points", [None, 24])
def test_a_naive_step_sees_the_points_it_draws(points: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []
    forward = naive.Siren.forward

    def watched(model: naive.Siren, x: Tensor) -> Tensor:
        seen.append(x)
        return forward(model, x)

    monkeypatch.setattr(naive.Siren, "forward", watched)
    coords = np.linspace(-1, 1, 50, dtype=np.float32)[:, None]
    naive_fit(coords, coords / 2 + 0.5, [1, 8, 1], 3, 1e-3, seed=0, points=points)
    assert [len(x) for x in seen] == [*[points or 50] * 3, 50]
    assert all(np.isin(x.numpy(), coords).all() for x in seen)
    assert (seen[0].shape == seen[1].shape and bool((seen[0] == seen[1]).all())) is (points is None)


def test_a_naive_fit_by_minibatches_fits_the_whole_signal() -> None:
    coords = np.linspace(-1, 1, 256, dtype=np.float32)[:, None]
    values = np.sin(3 * coords) / 2 + 0.5
    few, many = (
        naive_fit(coords, values, [1, 16, 16, 1], steps, 1e-3, seed=0, points=32) for steps in (1, 300)
    )
    assert many > few + 15

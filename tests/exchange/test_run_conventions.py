"""Conventions of an import: what is given is taken, what cannot be is refused, what is assumed is told."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import OptionError, SpecError
from neuralviews.exchange.run import ImportOptions, import_store

from .by_hand import made_layers, sequential, write
from .published_sets import DWSNETS, VIEWS, brought, edited_note, published
from .stacked_sets import layer_arrays, put


class TestConventions:
    def test_what_is_given_is_taken(self, tmp_path: Path) -> None:
        given: dict[str, Any] = {
            "omega": 20.0,
            "axis_order": "ij",
            "output_offset": 0.25,
            "output_scale": 2.0,
            "target_range": (-1.0, 1.0),
        }
        found, report = brought(
            write(tmp_path / "set", published()), tmp_path / "store", replace(DWSNETS, **given)
        )
        spec = found.spec
        assert (spec.omega, spec.axis_order) == ((20.0, 20.0), "ij")
        assert (spec.output_offset, spec.output_scale) == (0.25, 2.0)
        assert found.job["target"] == {"range": [-1.0, 1.0]}
        assert found.job["convention"] == {"dims": "files", **dict.fromkeys(given, "given")}
        assert report.convention.target_range == (-1.0, 1.0)

    def test_a_range_replaces_what_normalised_the_channels(self, tmp_path: Path) -> None:
        name = "train/ckpts/03/000000_0000042.ckpt"
        path = write(tmp_path / "set", {name: {"params": sequential(made_layers((2, 6, 3), 0))}})
        options = ImportOptions(format="implicit-zoo", target_range=(0.0, 2.0))
        found, _ = brought(path, tmp_path / "store", options)
        assert found.job["target"] == {"range": [0.0, 2.0]}

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"omega": -1.0}, r"^omega: found -1\.0, expected a positive number"),
            ({"omega": float("nan")}, r"^omega"),
            ({"output_scale": 0.0}, r"^output_scale: found 0\.0, expected a positive number"),
            ({"output_offset": float("inf")}, r"expected finite numbers"),
            ({"target_range": (1.0, 1.0)}, "^target_range: found 1 to 1, expected low below high, within 1e"),
            ({"target_range": (0.0, float("nan"))}, "^target_range: found 0 to nan, expected low below high"),
            ({"target_range": (0.0, 2e6)}, "^target_range: found 0 to 2e"),
        ],
    )
    def test_what_cannot_be_is_refused(self, tmp_path: Path, given: dict[str, Any], message: str) -> None:
        path = write(tmp_path / "set", published())
        with pytest.raises(SpecError, match=message):
            import_store(path, tmp_path / "store", replace(DWSNETS, **given))
        assert not (tmp_path / "store").exists()

    def test_what_nobody_says_must_be_given(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from neuralviews.exchange import dwsnets

        path = write(tmp_path / "set", published())
        for name in ("omega", "target_range"):
            unsaid = replace(dwsnets.CONVENTION, **{name: None})
            monkeypatch.setattr(dwsnets, "CONVENTION", unsaid)
            option = f"--{name.replace('_', '-')}"
            with pytest.raises(
                OptionError, match=f"^{name}: neither the format nor the files .*; give {option}"
            ):
                import_store(path, tmp_path / "store", DWSNETS)
            assert not (tmp_path / "store").exists()
            monkeypatch.undo()

    @pytest.mark.parametrize(
        "target",
        [
            {"range": [1.0, 0.0]},
            {"range": [0.0, 1.0], "mean": [0.5, 0.5], "std": [0.5, 0.5]},
            {"range": [0.0, 1.0], "mean": [0.5]},
            {"range": [0.0, 1.0], "mean": [0.5], "std": [0.0]},
        ],
    )
    def test_a_note_whose_targets_cannot_be(self, folder: Path, tmp_path: Path, target: object) -> None:
        path = edited_note(folder, tmp_path / "edited", target={"mean": None, "std": None, **target})  # type: ignore[dict-item]
        with pytest.raises(SpecError, match=r"^(target_range|mean, std): found"):
            import_store(path, tmp_path / "store", VIEWS)
        assert not (tmp_path / "store").exists()


def test_only_conventions_that_nobody_gave_are_told(tmp_path: Path) -> None:
    put(tmp_path / "set", "npz", layer_arrays())
    told = {
        "none": ({}, "axis order xy, no output offset, targets from 0 to 1"),
        "some": ({"axis_order": "ij"}, "no output offset, targets from 0 to 1"),
        "two": ({"axis_order": "xy", "output_offset": 0.5}, "targets from 0 to 1"),
    }
    for name, (given, words) in told.items():
        report = import_store(tmp_path / "set", tmp_path / name, ImportOptions(omega=30.0, **given))
        assert report.notes == (f"files state no conventions; assumed: {words}",)
    full = ImportOptions(omega=30.0, axis_order="xy", output_offset=0.0, target_range=(0.0, 1.0))
    assert import_store(tmp_path / "set", tmp_path / "all", full).notes == ()

"""Imported stores in all that reads stores: ``info``, ``show``, ``stats``, ``augment``, training."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from neuralviews.data.dataset import ViewDataset
from neuralviews.exchange.export import export
from neuralviews.exchange.run import ImportOptions, import_store
from neuralviews.fit.run import RunOptions, generate
from neuralviews.recipe import recipe_from_canonical
from neuralviews.records import Split
from neuralviews.report.image_painter import ImagePainter
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify

from ..exchange.by_hand import made_layers, sequential, write
from ..exchange.imported_stores import make_imported
from ..subsets import subset_of

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def unknown(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Twelve made-up objects, two views each, of which no quality is known."""
    root = tmp_path_factory.mktemp("unknown") / "store"
    return make_imported(
        root,
        views=2,
        split=[Split.train] * 8 + [Split.test] * 4,
        image_shape=(8, 9),
        class_names="abcdefghij",
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Fitted digits that went out and came in, compared with their images."""
    folder = tmp_path_factory.mktemp("measured")
    recipe = recipe_from_canonical(
        {
            "name": "fitted",
            "views": 2,
            "source": {"kind": "digits"},
            "field": {"dims": [2, 16, 16, 1], "output_offset": 0.5},
            "fit": {"steps": 60, "lr": 3e-3},
            "split": {"rule": "random", "val": 400, "test": 500},
        }
    )
    generate(recipe, folder / "fitted", RunOptions(limit=12))
    export(open_store(folder / "fitted"), np.arange(24), "multiview", folder / "multiview")
    import_store(
        folder / "multiview", folder / "store", ImportOptions("multiview", recipe="digits", published="x")
    )
    return open_store(folder / "store")


@pytest.fixture(scope="module")
def waves(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Fields of one coordinate, with attributes."""
    folder = tmp_path_factory.mktemp("waves")
    files: dict[str, Any] = {
        f"model_{seed}.pth": sequential(made_layers((1, 5, 1), seed), coef=[seed / 2, 1.0])
        for seed in range(6)
    }
    import_store(write(folder / "set", files), folder / "store", ImportOptions("dwsnets-sine"))
    return open_store(folder / "store")


def line(text: str, key: str) -> str:
    found = [row for row in text.splitlines() if row.startswith(f"{key} ")]
    assert len(found) == 1, text
    return found[0].removeprefix(key).strip()


class TestInfo:
    def test_what_is_not_known_is_said(self, run: Run, unknown: Store) -> None:
        code, out, err = run("info", unknown.root)
        assert (code, err) == (0, "")
        assert line(out, "imported") == "made-up from the format npz"
        assert line(out, "files") == f"sha256 {'0' * 64}, 24 fields"
        assert line(out, "known") == "label, split"
        assert "stated in the files" in line(out, "conventions")
        assert "unknown" in line(out, "PSNR")
        assert "24 unknown" in out or "unknown 24" in out
        assert "nan" not in out.lower().replace("unan", "")

    def test_json(self, run: Run, unknown: Store, measured: Store) -> None:
        facts = json.loads(run("info", unknown.root, "--json")[1])
        assert (facts["psnr"], facts["status"]["unknown"], facts["records"]) == (None, 24, 24)
        assert facts["import"]["quality"] == "unknown"
        assert (facts["objects"], facts["name"]) == (12, "made-up")
        facts = json.loads(run("info", measured.root, "--json")[1])
        assert facts["psnr"]["min"] == measured.column("psnr").min()
        assert facts["import"]["compared"]["recipe"]["name"] == "digits"

    def test_what_was_compared(self, run: Run, measured: Store) -> None:
        code, out, _ = run("info", measured.root)
        assert code == 0
        assert line(out, "imported") == "x from the format multiview, the published set x"
        assert line(out, "compared") == "with the source of recipe digits"
        assert line(out, "known") == "label, loss, psnr, split"

    def test_of_a_subset(self, run: Run, measured: Store, tmp_path: Path) -> None:
        some = subset_of(measured, [0, 3], tmp_path / "some", selection={"split": "train", "limit": None})
        code, out, _ = run("info", some.root)
        assert code == 0
        assert line(out, "subset of") == f"{measured.dataset_id}, 24 records: split train"
        facts = json.loads(run("info", some.root, "--json")[1])
        assert facts["subset"]["of"] == {"dataset_id": measured.dataset_id, "rows": 24}
        assert facts["objects"] == 2

    def test_attributes_are_columns(self, run: Run, waves: Store) -> None:
        code, out, _ = run("info", waves.root)
        assert code == 0
        assert "SIREN 1-5-1" in out
        assert waves.record(3)["attributes"] == [1.5, 1.0]


class TestShow:
    @pytest.mark.parametrize("name", ["unknown", "measured"])
    def test_a_gallery(self, run: Run, request: pytest.FixtureRequest, name: str, tmp_path: Path) -> None:
        store = request.getfixturevalue(name)
        code, out, err = run("show", store.root, "--out", tmp_path / "g.png")
        assert (code, err) == (0, "")
        assert str(tmp_path / "g.png") in out
        assert ("drawn without sources: the import was compared with none" in out) == (name == "unknown")
        with Image.open(tmp_path / "g.png") as picture:
            assert min(picture.size) > 100

    def test_fields_of_channels_that_were_normalised(self, run: Run, tmp_path: Path) -> None:
        """They are drawn as the images that they are of."""
        target = {"range": [0.0, 1.0], "mean": [0.25], "std": [0.5]}
        store = make_imported(tmp_path / "store", target=target, image_shape=(4, 4), objects=range(3))
        plain = make_imported(tmp_path / "plain", image_shape=(4, 4), objects=range(3))
        drawn, bare = (ImagePainter(s).fields(s.weights([0]))[0] for s in (store, plain))
        values = store.field(0).render((4, 4)).reshape(-1) * 0.5 + 0.25
        np.testing.assert_allclose(np.asarray(drawn).reshape(16, -1)[:, 0], np.clip(values, 0, 1), atol=1e-5)
        assert not np.array_equal(drawn, bare)
        assert run("show", store.root, "--out", tmp_path / "g.png")[0] == 0

    def test_fields_of_one_coordinate(self, run: Run, waves: Store, tmp_path: Path) -> None:
        code, out, err = run("show", waves.root, "--out", tmp_path / "g.png")
        assert "Traceback" not in err
        assert (code, out) == (2, "")
        assert err.startswith("error: ")
        assert err.count("\n") == 1


class TestCopies:
    @pytest.mark.parametrize("name", ["unknown", "measured", "waves"])
    def test_augment_and_align(
        self, run: Run, request: pytest.FixtureRequest, name: str, tmp_path: Path
    ) -> None:
        store = request.getfixturevalue(name)
        out = tmp_path / "copies"
        code, _, _ = run("augment", store.root, "--plan", "symmetries", "--out", out, "--workers", 1)
        assert code == 0
        copies = open_store(out)
        assert (copies.kind, copies.job["parent"]["dataset_id"]) == ("augment", store.dataset_id)
        assert np.isfinite(copies.column("psnr")).all()
        assert verify(out, "semantic", store.root).rows == len(copies)
        code, text, _ = run("verify", out, "--parent", store.root, "--level", "regenerate")
        assert code == 0
        assert "copies made again, from seeds and from stored parameters, every byte equal" in text
        code, text, _ = run("info", out)
        assert code == 0
        assert store.job["name"] in text
        if name != "waves":
            assert run("show", out, "--out", tmp_path / "g.png")[0] == 0

    def test_align(self, run: Run, unknown: Store, tmp_path: Path) -> None:
        code, _, _ = run("align", unknown.root, "--out", tmp_path / "aligned", "--workers", 1)
        assert code == 0
        assert verify(tmp_path / "aligned", "semantic", unknown.root).rows == 24


@pytest.mark.parametrize("name", ["unknown", "measured", "waves"])
def test_statistics(run: Run, request: pytest.FixtureRequest, name: str) -> None:
    store = request.getfixturevalue(name)
    code, out, _ = run("stats", store.root, "--pairs", 5)
    assert code == 0
    assert "weights of" in out


def test_training(unknown: Store, measured: Store, waves: Store) -> None:
    for store in (unknown, measured, waves):
        rows = np.flatnonzero(store.column("split") == Split.train)
        data = ViewDataset(store.root, split="train")
        assert (len(data), data.skipped) == (len(rows), 0)
        np.testing.assert_array_equal(np.asarray(data[1][0]), store.weights([rows[1]])[0])

"""Proof that records are those of a recipe, whatever form they have; and what is no proof is refused."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.augment.run import augment_store
from neuralviews.errors import EngineError, IntegrityError, OptionError, SourceError
from neuralviews.exchange.run import ImportOptions, import_store
from neuralviews.fit import against as module
from neuralviews.fit.against import PSNR_TOLERANCE, WEIGHT_TOLERANCE, prove_against
from neuralviews.fit.run import RunOptions, generate
from neuralviews.recipe import Recipe, recipe_from_canonical
from neuralviews.records import Records
from neuralviews.store.reader import Store, open_store
from neuralviews.store.writer import StoreWriter

from ..exchange.imported_stores import exported
from ..subsets import subset_of

OBJECTS, VIEWS = 6, 3


def recipe_of(views: int = VIEWS, **tables: Any) -> Recipe:
    return recipe_from_canonical(
        {
            "name": "proof",
            "views": views,
            "source": {"kind": "digits"},
            "field": {"dims": [2, 16, 16, 1], "output_offset": 0.5},
            "fit": {"steps": 60, "lr": 3e-3},
            "split": {"rule": "random", "val": 400, "test": 500},
            **tables,
        }
    )


RECIPE = recipe_of()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    root = tmp_path_factory.mktemp("against") / "store"
    generate(RECIPE, root, RunOptions(limit=OBJECTS))
    return open_store(root)


@pytest.fixture(scope="module")
def imported(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Store]:
    """The store exported and imported, measured or not."""
    folder = tmp_path_factory.mktemp("imported")
    exported(store, "multiview", folder / "multiview")

    def bring(**options: Any) -> Store:
        out = folder / "-".join(("store", *map(str, options.values())))
        import_store(folder / "multiview", out, ImportOptions(format="multiview", **options))
        return open_store(out)

    return bring


def forged(
    store: Store,
    root: Path,
    change: Callable[[Records], Mapping[str, Any]],
    job: Mapping[str, Any] | None = None,
) -> Store:
    """A store of the same job, or another, properly published, of changed records."""
    records = store.read(np.arange(len(store)))
    changes = dict(change(records))
    weights = changes.pop("weights", records.weights)
    columns = {name: changes.get(name, column) for name, column in records.columns.items()}
    made = Records(records.spec, weights, columns)
    writer = StoreWriter(root, store.job if job is None else job)
    for shard in writer.missing():
        rows = writer.row_range(shard)
        writer.commit(shard, made.take(slice(rows.start, rows.stop)))
    writer.finalize()
    return open_store(root)


def of_another_machine(store: Store) -> dict[str, Any]:
    """Its job, made with arithmetic that this machine does not have."""
    return {**store.job, "arithmetic": {**store.job["arithmetic"], "arithmetic": 99}}


def moved(by: float, row: int = 4) -> Callable[[Records], Mapping[str, Any]]:
    """One field moved by a part of its norm."""

    def change(records: Records) -> Mapping[str, Any]:
        weights = records.weights.copy()
        step = np.random.default_rng(1).normal(size=weights.shape[1])
        size = by * np.linalg.norm(weights[row].astype(np.float64))
        weights[row] += (step * size / np.linalg.norm(step)).astype(np.float32)
        return {"weights": weights}

    return change


EVERY = np.arange(OBJECTS * VIEWS)


class TestProofs:
    def test_the_same_engine_gives_the_same_bytes(self, store: Store) -> None:
        proof = prove_against(store, RECIPE, None, EVERY)
        assert (proof.records, proof.equal, proof.distance, proof.psnr) == (18, 18, 0.0, 0.0)
        assert proof.engine == store.job["arithmetic"]["engine"]

    def test_some_records_in_any_order(self, store: Store) -> None:
        proof = prove_against(store, RECIPE, None, np.array([17, 2, 9]))
        assert (proof.records, proof.equal) == (3, 3)

    @pytest.mark.parametrize("views", [1, 2, 5])
    def test_views_may_be_fewer_or_more(self, store: Store, tmp_path: Path, views: int) -> None:
        assert prove_against(store, recipe_of(views), None, np.array([0, 5, 17])).equal == 3
        generate(recipe_of(views), tmp_path / "other", RunOptions(limit=3))
        assert prove_against(open_store(tmp_path / "other"), RECIPE, None, np.arange(3 * views)).equal > 0

    def test_the_torch_engine(self, tmp_path: Path) -> None:
        """Its fields are proven by this machine's best engine if its own arithmetic is not there."""
        generate(RECIPE, tmp_path / "torch", RunOptions(limit=3, engine="torch"))
        made = open_store(tmp_path / "torch")
        assert made.job["arithmetic"]["engine"] == "torch"
        assert prove_against(made, RECIPE, None, np.arange(9)).equal == 9
        job = of_another_machine(made)
        proof = prove_against(forged(made, tmp_path / "far", lambda _: {}, job), RECIPE, None, np.arange(9))
        assert (proof.records, proof.engine) == (9, "torch")
        generated = {**made.job, "arithmetic": {**made.job["arithmetic"], "engine": "none such"}}
        other = forged(made, tmp_path / "other", lambda _: {}, generated)
        proof = prove_against(other, RECIPE, None, np.arange(9))
        assert proof.engine == "cpu"
        assert 0 < proof.distance < WEIGHT_TOLERANCE
        assert 0 < proof.psnr < PSNR_TOLERANCE

    def test_an_imported_store(self, imported: Callable[..., Store]) -> None:
        proof = prove_against(imported(), RECIPE, None, EVERY)
        assert (proof.records, proof.equal, proof.psnr) == (18, 18, 0.0)
        measured = prove_against(imported(recipe="digits"), RECIPE, None, EVERY)
        assert (measured.records, measured.equal) == (18, 18)
        assert measured.psnr < 0.01

    def test_a_subset(self, store: Store, imported: Callable[..., Store], tmp_path: Path) -> None:
        for whole in (store, imported()):
            some = subset_of(whole, [1, 4, 5, 16], tmp_path / whole.kind)
            assert prove_against(some, RECIPE, None, np.arange(4)).equal == 4
            of_it = subset_of(some, [2], tmp_path / f"{whole.kind}-again")
            assert prove_against(of_it, RECIPE, None, np.arange(1)).equal == 1

    def test_labels_that_an_import_does_not_have(
        self, imported: Callable[..., Store], tmp_path: Path
    ) -> None:
        whole = imported()
        bare = forged(whole, tmp_path / "bare", lambda r: {"label": np.full_like(r.columns["label"], -1)})
        assert prove_against(bare, RECIPE, None, EVERY).equal == 18
        job = {**whole.job, "known": ["split"]}
        lying = forged(whole, tmp_path / "lying", lambda r: {"label": r.columns["label"] * 0}, job)
        assert prove_against(lying, RECIPE, None, EVERY).equal == 18  # nobody stated them

    def test_a_small_distance_of_another_engine(self, store: Store, tmp_path: Path) -> None:
        far = forged(store, tmp_path / "far", moved(0.01), of_another_machine(store))
        proof = prove_against(far, recipe_of(), None, np.array([3, 5]))
        assert (proof.records, proof.equal) == (2, 2)


class TestRefusals:
    def test_tampered_weights(self, store: Store, tmp_path: Path) -> None:
        tampered = forged(store, tmp_path / "tampered", moved(1e-6))
        message = (
            r"tampered: record 4 came out different when fitted again, its weights .* of their norm apart: "
            r"it is not what this recipe makes of this source \(engine cpu\)"
        )
        with pytest.raises(IntegrityError, match=message):
            prove_against(tampered, RECIPE, None, EVERY)

    def test_weights_that_no_engine_gives(self, store: Store, tmp_path: Path) -> None:
        far = forged(store, tmp_path / "far", moved(0.06), of_another_machine(store))
        message = r"far: record 4 came out 0\.06 of its norm apart, at most 0\.05 is allowed: it is not what"
        with pytest.raises(IntegrityError, match=message):
            prove_against(far, RECIPE, None, EVERY)

    def test_a_psnr_that_the_field_does_not_have(self, store: Store, tmp_path: Path) -> None:
        """Even of the very weights: a quality that is not theirs is a false statement."""
        better = forged(store, tmp_path / "better", lambda r: {"psnr": r.columns["psnr"] + np.float32(0.2)})
        with pytest.raises(
            IntegrityError, match=r"record 0 came out 0\.20 dB apart, at most 0\.1 is allowed"
        ):
            prove_against(better, RECIPE, None, EVERY)

    @pytest.mark.parametrize(
        ("tables", "message"),
        [
            ({"seed": 1}, r"was not made by recipe proof \(seed: there 0, here 1\)"),
            (
                {"fit": {"steps": 61, "lr": 3e-3}},
                r"was not made by recipe proof \(fit\.steps: there 60, here 61",
            ),
            (
                {"field": {"dims": [2, 16, 9, 1], "output_offset": 0.5}},
                r"its fields are not those .*arch\.dims",
            ),
            (
                {"field": {"dims": [2, 16, 16, 1]}},
                r"are not those of recipe proof \(arch\.output_offset: there 0\.5",
            ),
            (
                {"split": {"rule": "random", "val": 9, "test": 9}},
                r"\(split\.test: there 500, here 9, split\.val",
            ),
        ],
    )
    def test_another_recipe(self, store: Store, tables: dict[str, Any], message: str) -> None:
        with pytest.raises(IntegrityError, match=rf"store: .*{message}"):
            prove_against(store, recipe_of(**tables), None, EVERY)

    @pytest.mark.parametrize(
        "tables",
        [{"fit": {"steps": 90, "lr": 3e-3}}, {"init": {"scheme": "siren", "shared": True}}],
        ids=str,
    )
    def test_an_import_of_another_recipe(
        self, imported: Callable[..., Store], tables: dict[str, Any]
    ) -> None:
        """It states none, so fitting again has to tell."""
        message = r"record 0 came out .* (of its norm apart, at most 0\.05|dB apart, at most 0\.1) is allowed"
        with pytest.raises(IntegrityError, match=message):
            prove_against(imported(), recipe_of(**tables), None, np.arange(3))

    def test_an_import_of_another_seed(self, imported: Callable[..., Store]) -> None:
        """Its splits are drawn otherwise, which shows before any fit does."""
        with pytest.raises(
            IntegrityError, match=r"record 0 states split train, the recipe's source has test: the rec"
        ):
            prove_against(imported(), recipe_of(seed=1), None, np.arange(3))

    @pytest.mark.parametrize(
        ("name", "by", "message"),
        [
            ("label", 1, "record 0 states label 1, the recipe's source has 0: the records are of another"),
            ("object_id", 2000, "record 0 states object_id 2000, the recipe's source has 1796: the records"),
            ("split", 1, "states split"),
        ],
    )
    def test_other_objects(
        self, store: Store, imported: Callable[..., Store], tmp_path: Path, name: str, by: int, message: str
    ) -> None:
        def change(records: Records) -> Mapping[str, Any]:
            column = records.columns[name]
            return {
                name: ((column.astype(np.int64) + by) % (3 if name == "split" else 10_000)).astype(
                    column.dtype
                )
            }

        for whole in (store, imported()):
            wrong = forged(whole, tmp_path / whole.kind, change)
            with pytest.raises(IntegrityError, match=message):
                prove_against(wrong, RECIPE, None, EVERY)

    def test_fields_of_another_object(self, imported: Callable[..., Store], tmp_path: Path) -> None:
        def change(records: Records) -> Mapping[str, Any]:
            return {"weights": np.roll(records.weights, VIEWS, axis=0)}

        with pytest.raises(IntegrityError, match=r"record 0 came out .* of its norm apart"):
            prove_against(forged(imported(), tmp_path / "rolled", change), RECIPE, None, EVERY)

    def test_copies(self, store: Store, tmp_path: Path) -> None:
        augment_store(store, "symmetries", tmp_path / "copies")
        with pytest.raises(
            OptionError, match="copies: holds augmented copies, which no recipe makes; verify the"
        ):
            prove_against(open_store(tmp_path / "copies"), RECIPE, None, np.arange(2))

    def test_another_generator(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "GENERATOR", 99)
        with pytest.raises(
            EngineError, match=r"made by generator \d+, this neuralviews has 99: other numbers make"
        ):
            prove_against(store, RECIPE, None, EVERY)

    def test_a_source_that_is_not_there(self, store: Store, tmp_path: Path) -> None:
        mnist = recipe_of(source={"kind": "torchvision", "dataset": "MNIST"})
        with pytest.raises((SourceError, IntegrityError), match=r"source|MNIST"):
            prove_against(store, mnist, tmp_path, EVERY)


def test_nan_is_no_agreement() -> None:
    """Whatever a distance comes to, what cannot be compared is refused."""
    assert module._difference(False, float("nan"), 0.0, False) is not None
    assert module._difference(True, 0.0, float("nan"), False) is not None
    assert module._difference(True, 0.0, 0.0, True) is None

"""Moments of a store: correctly rounded, of the right records, and kept beside the store unharmed."""

import json
import math
import statistics
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuralviews.errors import IntegrityError, OutputError, StoreError, UnsafeShard
from neuralviews.records import Split
from neuralviews.statistics.moments import STATISTICS_FILE, Statistics, _moments, kept_statistics, tensors
from neuralviews.store.canonical import canonical_json
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify

from ..made_stores import digits_recipe, make_store
from ..store.stores import copy_store

DIVERGED = (0, 4, 7)
FLOATS32 = st.floats(allow_nan=False, allow_infinity=False, width=32)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("statistics") / "store", diverged=DIVERGED)


@pytest.fixture
def store(made: Store, tmp_path: Path) -> Store:
    """A store whose folder a test may write to."""
    return open_store(copy_store(made.root, tmp_path / "store"))


def training_weights(store: Store) -> NDArray[np.float32]:
    rows = np.flatnonzero(store.column("split") == Split.train)
    return store.weights([row for row in rows.tolist() if row not in DIVERGED])


def rounded(values: list[float]) -> tuple[float, float]:
    """Mean and deviation from fractions, by the standard library, whose rounding is right as well."""
    mean = sum(map(Fraction, values), Fraction()) / len(values)
    return float(mean), statistics.pstdev(map(Fraction, values)) if len(values) > 1 else 0.0


@settings(max_examples=300, deadline=None)
@given(st.lists(FLOATS32, min_size=1, max_size=20))
def test_moments_are_correctly_rounded(values: list[float]) -> None:
    fractions = [Fraction(value) for value in values]
    total = sum(fractions, Fraction()) * 2**149
    squares = sum((x * x for x in fractions), Fraction()) * 2**298
    assert _moments(len(values), int(total), int(squares)) == pytest.approx(rounded(values), rel=0, abs=0)


def test_a_root_just_above_the_middle_of_two_float64_is_rounded_up() -> None:
    """What is cut off of the root is far below its last bit, and decides."""
    middle = 2**53 + 1 << 60
    _, tie = _moments(1, 0, middle**2)
    _, above = _moments(1, 0, middle**2 + 1)
    assert (tie, above) == (2.0 ** (113 - 149), (2.0**53 + 2) * 2.0 ** (60 - 149))


def test_a_deviation_far_below_the_mean_survives() -> None:
    values = [float(np.float32(4096) + np.float32(k % 2) * np.float32(2.0**-11)) for k in range(1000)]
    fractions = [Fraction(value) for value in values]
    sums = int(sum(fractions) * 2**149), int(sum(x * x for x in fractions) * 2**298)
    assert _moments(1000, *sums) == (4096 + 2.0**-12, 2.0**-12)


def test_each_parameter_and_each_tensor(made: Store) -> None:
    found, weights = Statistics.of(made), training_weights(made)
    assert found.records == len(weights)
    for parameter in range(made.spec.parameters):
        column = weights[:, parameter].astype(float).tolist()
        assert (found.mean[parameter], found.std[parameter]) == rounded(column)
        assert found.mean[parameter] == pytest.approx(math.fsum(column) / len(column), rel=1e-15)
    means, deviations = found.per_tensor()
    for place, (_, part) in enumerate(tensors(made.spec)):
        expected = rounded(weights[:, part].astype(float).ravel().tolist())
        assert (found.tensor_mean[place], found.tensor_std[place]) == expected
        assert {*means[part], *deviations[part]} == {*expected}


def test_tensors_have_the_names_of_torch(made: Store) -> None:
    table = {name: (start, stop) for name, _, start, stop in made.spec.to_json()["parameters"]}
    assert {name: (part.start, part.stop) for name, part in tensors(made.spec)} == table


def test_the_size_of_blocks_changes_nothing(made: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Statistics.of(made)
    monkeypatch.setattr("neuralviews.statistics.moments._BLOCK", 7 * made.spec.parameters)
    cut = Statistics.of(made)
    for name in ("mean", "std", "tensor_mean", "tensor_std"):
        assert np.array_equal(getattr(whole, name), getattr(cut, name))


def test_a_training_split_without_usable_records(tmp_path: Path) -> None:
    recipe = digits_recipe(split={"rule": "random", "val": 0, "test": 0}, views=1)
    store = make_store(tmp_path / "store", recipe, 5, diverged=range(5))
    with pytest.raises(
        StoreError, match=r"store: found no usable record in the training split.*\(5 diverged or rejected\)"
    ):
        kept_statistics(store)


def saved(store: Store) -> bytes:
    """The file of a store's statistics, which is there only as long as this takes."""
    Statistics.of(store).save(store.root)
    data = (store.root / STATISTICS_FILE).read_bytes()
    (store.root / STATISTICS_FILE).unlink()
    return data


class TestKept:
    def test_they_come_back_as_they_were(self, store: Store) -> None:
        first = kept_statistics(store)
        data = (store.root / STATISTICS_FILE).read_bytes()
        again = kept_statistics(open_store(store.root))
        for name in ("spec", "dataset_id", "records"):
            assert getattr(again, name) == getattr(first, name)
        for name in ("mean", "std", "tensor_mean", "tensor_std"):
            assert np.array_equal(getattr(again, name), getattr(first, name))
            assert getattr(again, name).dtype == np.float64
        Statistics.of(store).save(store.root)  # the same bytes: nothing to complain of
        assert (store.root / STATISTICS_FILE).read_bytes() == data

    def test_the_store_still_verifies(self, store: Store) -> None:
        kept_statistics(store)
        assert verify(store.root, "semantic").dataset_id == store.dataset_id

    def test_a_folder_that_cannot_be_written_to(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*arguments: object) -> None:
            raise OutputError("full")

        monkeypatch.setattr("neuralviews.statistics.moments.publish", refuse)
        assert kept_statistics(store).records == Statistics.of(store).records
        assert not (store.root / STATISTICS_FILE).exists()
        with pytest.raises(OutputError, match="full"):
            Statistics.of(store).save(store.root)

    def test_what_could_not_be_read_again_is_not_kept(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        size = len(saved(store))
        monkeypatch.setattr("neuralviews.statistics.moments.MAX_JSON_BYTES", size - 1)
        for _ in range(2):  # neither the first time nor the next
            assert kept_statistics(store).records == Statistics.of(store).records
            assert not (store.root / STATISTICS_FILE).exists()
        with pytest.raises(
            OutputError,
            match=rf"json: {size} bytes, at most {size - 1} can be read again; work them out when",
        ):
            Statistics.of(store).save(store.root)
        monkeypatch.setattr("neuralviews.statistics.moments.MAX_JSON_BYTES", size)
        assert kept_statistics(store).records == kept_statistics(store).records
        assert (store.root / STATISTICS_FILE).stat().st_size == size

    def test_a_folder_will_do(self, store: Store, tmp_path: Path) -> None:
        Statistics.of(store.root).save(tmp_path)
        Statistics.of(str(store.root)).save(str(tmp_path))
        assert (tmp_path / STATISTICS_FILE).read_bytes() == saved(store)

    def test_other_numbers_are_not_replaced(self, store: Store) -> None:
        path = store.root / STATISTICS_FILE
        path.write_text("{}\n")
        with pytest.raises(
            IntegrityError, match=r"statistics\.json: found other numbers than the store comes to"
        ):
            Statistics.of(store).save(store.root)
        assert path.read_text() == "{}\n"

    def test_a_link_is_not_followed(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "elsewhere.json").write_text("{}\n")
        (store.root / STATISTICS_FILE).symlink_to(tmp_path / "elsewhere.json")
        with pytest.raises(UnsafeShard, match=STATISTICS_FILE):
            kept_statistics(store)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"dataset_id": "0" * 64}, "found statistics of dataset 0000.*, expected "),
            ({"records": 0}, r"records: found 0, expected 1 to \d+, those of the training split"),
            ({"records": 10**30}, r"records: found 10+, expected 1 to \d+, those of the training split"),
            ({"format": "other"}, "Invalid enum value 'other'"),
            ({"format_version": 2}, "Invalid enum value 2"),
            ({"more": 1}, "contains unknown field `more`"),
            ({"parameters": {"mean": [0.0], "std": [1.0]}}, "parameters.mean: found 1 numbers, expected 59"),
            ({"tensors": {"mean": [0.0] * 6, "std": [1.0] * 5}}, "tensors.std: found 5 numbers, expected 6"),
            (
                {"tensors": {"mean": [0.0] * 6, "std": [1.0] * 5 + [-1.0]}},
                r"tensors.std: found -1, expected 0 to 3.40282e\+38",
            ),
            ({"tensors": {"mean": [0.0] * 6, "std": [10**400] * 6}}, "out of range"),
            (
                {"tensors": {"mean": [0.0] * 6, "std": [1e300] * 6}},
                r"tensors.std: found 1e\+300, expected 0 to 3.40282e\+38; remove the file",
            ),
            (
                {"tensors": {"mean": [0.0] * 5 + [-1e39], "std": [1.0] * 6}},
                r"tensors.mean: found -1e\+39, expected -3.40282e\+38 to 3.40282e\+38; remove the file",
            ),
        ],
    )
    def test_a_wrong_file_is_refused(self, store: Store, change: dict[str, object], message: str) -> None:
        kept_statistics(store)
        path = store.root / STATISTICS_FILE
        path.write_bytes(canonical_json(json.loads(path.read_bytes()) | change))
        with pytest.raises(IntegrityError, match=rf"statistics\.json: .*{message}"):
            kept_statistics(store)

    @pytest.mark.parametrize("text", ["", "[]\n", '{"mean":1e999}\n', '{"mean":NaN}\n', "{ }\n"])
    def test_what_is_no_such_file_is_refused(self, store: Store, text: str) -> None:
        (store.root / STATISTICS_FILE).write_text(text)
        with pytest.raises(IntegrityError, match=r"statistics\.json: .*; remove the file, it is made again"):
            kept_statistics(store)

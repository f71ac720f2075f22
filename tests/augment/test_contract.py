"""What every augmentation keeps, whatever it does; and that exact ones are exact."""

import json
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neuralviews.augment
from neuralviews.augment.base import Augmentation, column_count
from neuralviews.augment.batch import Batch
from neuralviews.augment.compose import Compose
from neuralviews.augment.geometry import AffineCoords
from neuralviews.augment.registry import OPERATIONS, build, describe, operation, operations
from neuralviews.augment.repair import Repair
from neuralviews.draws import Draws
from neuralviews.errors import OptionError, PlanError
from neuralviews.field import FieldSpec, evaluate

from .cases import NOTHING_DRAWN, STEPS, case, rows_of, specs
from .formulas import values_after, weights_after
from .pairs import CLASSES, draws_for, pairs, values_of

EXACT = [name for name in OPERATIONS if operation(name).exact]
every_operation = pytest.mark.parametrize("name", OPERATIONS)


def same(a: Batch, b: Batch) -> bool:
    arrays = [
        (a.weights, b.weights),
        (a.labels.classes, b.labels.classes),
        (a.labels.shares, b.labels.shares),
    ]
    return all(x.dtype == y.dtype and x.tobytes() == y.tobytes() for x, y in arrays)


def test_every_operation_has_a_case() -> None:
    assert list(STEPS) == list(OPERATIONS)


@every_operation
def test_equal_streams_give_equal_bytes_and_others_do_not(name: str) -> None:
    step, batch, draws = case(name)
    copies, params = Compose(step).run(batch, draws)
    again, params_again = Compose(step).run(batch, draws)
    assert same(copies, again)
    assert params.tobytes() == params_again.tobytes()
    _, others = Compose(step).run(batch, draws_for(batch, base=12))
    assert (params.tobytes() != others.tobytes()) == (name not in NOTHING_DRAWN)


@every_operation
def test_a_copy_depends_on_its_row_alone(name: str) -> None:
    step, batch, draws = case(name)
    copies, params = Compose(step).run(batch, draws)
    order = np.array([4, 1, 5, 0, 3, 2])
    shuffled, shuffled_params = Compose(step).run(rows_of(batch, order), Draws(draws.seeds[order]))
    assert same(shuffled, rows_of(copies, order))
    assert shuffled_params.tobytes() == params[order].tobytes()
    for row in range(len(batch)):
        alone, alone_params = Compose(step).run(*case(name, 1, row)[1:])
        assert same(alone, rows_of(copies, np.array([row])))
        assert alone_params.tobytes() == params[row].tobytes()


@every_operation
def test_no_fields_give_no_copies(name: str) -> None:
    step, batch, draws = case(name)
    none = np.arange(0)
    copies, params = Compose(step).run(rows_of(batch, none), Draws(draws.seeds[none]))
    assert copies.weights.shape == (0, batch.spec.parameters)
    assert params.shape == (0, column_count(step.parameters(batch.context)))


@every_operation
def test_inputs_stay_as_they_were(name: str) -> None:
    step, batch, draws = case(name)  # whose arrays refuse to be written to
    params = step.sample(batch, draws)
    params.flags.writeable = False
    copies = Compose(step).replay(batch, params)
    _, untouched, _ = case(name)
    assert same(batch, untouched)
    assert copies.source is batch.source


@every_operation
def test_parameters_are_all_it_takes_to_make_a_copy_again(name: str) -> None:
    step, batch, draws = case(name)
    copies, params = Compose(step).run(batch, draws)
    assert params.dtype == np.float32
    assert params.shape == (len(batch), column_count(step.parameters(batch.context)))
    assert np.isfinite(params).all()
    assert same(Compose(step).replay(batch, params), copies)


@every_operation
def test_copies_are_float32_fields_with_whole_labels(name: str) -> None:
    step, batch, draws = case(name)
    copies, _ = Compose(step).run(batch, draws)
    assert copies.weights.dtype == np.float32
    assert np.isfinite(copies.weights).all()
    np.testing.assert_allclose(copies.labels.dense(CLASSES).sum(axis=1), 1, rtol=1e-6)
    if step.label_rule == "keep":
        assert copies.labels.shares.tobytes() == batch.labels.shares.tobytes()
        assert copies.labels.classes.tobytes() == batch.labels.classes.tobytes()


@every_operation
def test_it_changes_what_it_says(name: str) -> None:
    step, batch, draws = case(name)
    copies, _ = Compose(step).run(batch, draws)
    assert (copies.weights.tobytes() == batch.weights.tobytes()) == (name == "label_smoothing")


BYTES = {
    "permutation": "055827815ab70faa",
    "sign_flip": "51b7a2f5dbd480f8",
    "phase_shift": "8dc8ed38dfe34854",
    "random_symmetry": "67e735f41e51657f",
    "affine_coords": "aa75a8192a4a087a",
    "sdf_scale": "c64505c4cbd56966",
    "affine_output": "73f2047c7012e6ef",
    "gaussian_noise": "10309f2f64351fa9",
    "multiplicative_noise": "148cda0be07baf53",
    "masking": "fe43061813f393eb",
    "dropout": "72758b5cc0d222a7",
    "quantile_masking": "24a8e571a1f23fd8",
    "label_smoothing": "61f035b7253d8cbf",
    "mixup": "db2307d09454bc5f",
    "aligned_mixup": "a442a5a0e2648bb6",
    "self_mixup": "be893afe9918cd3a",
    "align_to": "277e7882e9b7223b",
    "repair": "5e3035df73ed0d4b",
}


@every_operation
def test_bytes_never_change(name: str) -> None:
    """Of parameters and weights, on any machine; if they must, raise the operation's version.

    Where a test fails, pytest prints the digest found. A new search of alignment changes those of
    aligned_mixup, self_mixup and align_to together.
    """
    step, batch, draws = case(name)
    copies, params = Compose(step).run(batch, draws)
    shares = copies.labels.shares.tobytes()
    assert sha256(params.tobytes() + copies.weights.tobytes() + shares).hexdigest()[:16] == BYTES[name]


# ---- plans


@every_operation
def test_descriptions_are_read_back(name: str) -> None:
    step, *_ = case(name)
    table = describe(step)
    assert table["op"] == name
    assert build(json.loads(json.dumps(table)), "step") == step


@every_operation
def test_unknown_settings_are_named(name: str) -> None:
    with pytest.raises(PlanError, match=f"^step: {name} has no setting 'colour'; it takes "):
        build({"op": name, "colour": 1}, "step")


def test_unknown_operations_are_named_with_a_near_one() -> None:
    with pytest.raises(PlanError, match=r"^step\.op: found 'signflip'; did you mean 'sign_flip'\? "):
        build({"op": "signflip"}, "step")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("sign_flip", 'step: expected a table with the key op, such as { op = "sign_flip" }'),
        ({"p": 0.5}, 'step: expected a table with the key op, such as { op = "sign_flip" }'),
        ({"op": "sign_flip", "p": "half"}, "step: SignFlip: p: found 'half', expected 0 to 1"),
        ({"op": "sign_flip", "p": 2}, "step: SignFlip: p: found 2, expected 0 to 1"),
        (
            {"op": "random_symmetry", "group": "all"},
            "step: RandomSymmetry: group: found 'all', expected one of perm, sign, phase",
        ),
        (
            {"op": "sign_flip", "p": 1 << 20_000},
            "step: SignFlip: p: found an int too large to show, expected 0 to 1",
        ),
        (
            {"op": "mixup", "labels": "Soft"},
            "step: MixUp: labels: found 'Soft', expected one of soft, hard",
        ),
        (
            {"op": "affine_coords", "translate": [0.2, 0]},
            "step: AffineCoords: translate: found [0.2, 0], expected 0 to 2",
        ),
        ({"op": "permutation", "p": 1}, "step: permutation has no setting 'p'; it takes none"),
    ],
)
def test_impossible_tables_are_refused(table: object, message: str) -> None:
    with pytest.raises(PlanError) as error:
        build(table, "step")
    assert str(error.value) == message


def test_numbers_of_numpy_are_stored_as_those_of_python() -> None:
    step = AffineCoords(rotate=np.float32(0.5), scale=(np.int64(1), np.float64(2)))  # type: ignore[arg-type]
    assert json.dumps(describe(step)) == json.dumps(describe(AffineCoords(0.5, scale=(1.0, 2.0))))
    steps = Repair(steps=np.int64(3)).steps  # type: ignore[arg-type]
    assert (steps, type(steps)) == (3, int)
    for wrong in (True, np.float64(3), 3.5):
        with pytest.raises(OptionError, match=r"^Repair: steps: found .*, expected an integer from 1 to "):
            Repair(steps=wrong)  # type: ignore[arg-type]


def test_whole_numbers_of_a_plan_are_floats_where_floats_are_expected() -> None:
    """So that equal plans are described by equal bytes."""
    step = build({"op": "affine_coords", "rotate": 15, "scale": [1, 2], "flip": ["x"]}, "step")
    assert json.dumps(describe(step)) == json.dumps(describe(AffineCoords(15, scale=(1, 2), flip=("x",))))
    assert describe(step)["rotate"] == 15.0
    assert isinstance(describe(step)["rotate"], float)


def test_the_table_the_classes_and_the_public_names_agree() -> None:
    for name, kind in zip(OPERATIONS, operations(), strict=True):
        assert kind.name == name
        assert getattr(neuralviews.augment, kind.__name__) is kind
        assert kind.__name__ in neuralviews.augment.__all__
    public = {getattr(neuralviews.augment, name) for name in neuralviews.augment.__all__}
    listed = {kind for kind in public if isinstance(kind, type) and issubclass(kind, Augmentation)}
    assert listed == {Augmentation, *operations()}


@every_operation
def test_it_says_what_it_is(name: str) -> None:
    kind = operation(name)
    assert kind.__doc__
    assert 10 < len(kind.summary) <= 70
    assert "\n" not in kind.summary
    assert not kind.summary.endswith(".")
    assert len(kind.source) > 10
    assert kind.label_rule in ("keep", "smooth", "mix")
    assert kind.version >= 1


# ---- exactness


@pytest.mark.parametrize("name", EXACT)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_exact_ones_are_exact(name: str, data: st.DataObject) -> None:
    """The formula of the weights gives the function promised, in float64; the code rounds that formula."""
    spec: FieldSpec = data.draw(specs(1 if name == "sdf_scale" else 4))
    first = data.draw(st.integers(0, 999))
    batch, step = pairs(spec, 2, first), STEPS[name](spec)
    step.require(batch.context)
    copies, params = Compose(step).run(batch, draws_for(batch, first), track=True)
    assert copies.target is not None
    x = np.random.default_rng(first).uniform(-1, 1, (5, spec.in_dim))
    parents = batch.weights.astype(np.float64)
    promised = values_of(copies.target, spec, [parents], x)
    for row, parent in enumerate(parents):
        weights = weights_after(step, spec, parent, params[row])
        expected = values_after(step, spec, parent, params[row], x)
        np.testing.assert_allclose(evaluate(spec, weights, x), expected, rtol=0, atol=1e-9)
        np.testing.assert_allclose(promised[row], expected, rtol=0, atol=1e-9)
        np.testing.assert_allclose(copies.weights[row], weights, rtol=2e-7, atol=2e-7)

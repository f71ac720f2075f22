"""Alignment against an independent implementation, and what is refused."""

import numpy as np
import pytest

from neuralviews.errors import SpecError
from neuralviews.field import Field, FieldSpec
from neuralviews.fit.init import InitScheme
from neuralviews.records import COLUMNS, Records
from neuralviews.symmetry import align
from neuralviews.symmetry.align import Aligned, align_weights
from neuralviews.symmetry.group import Element, Group, hidden_slices

from .fields import GROUPS
from .pairs import SCHEMES, SPECS, Rows, fitted_pairs, random_pairs
from .scipy_reference import Units, act, align_pair, published_matching, squared_distance

SPEC = SPECS["image"]


def units_of(element: Element, row: int) -> list[Units]:
    return [
        Units(
            element.perm[row, part].astype(np.intp), element.sign[row, part] * 1.0, element.phase[row, part]
        )
        for part in hidden_slices(element.spec)
    ]


def disagreements(spec: FieldSpec, a: Rows, b: Rows, found: Aligned, group: Group, start: str) -> int:
    """How many pairs the float64 reference brings elsewhere; rounding may decide between near equals."""
    count = 0
    for row in range(len(b)):
        expected = act(spec, align_pair(spec, a[row], b[row], group, start), b[row])
        count += bool(abs(found.weights[row] - expected).max() > 1e-6)
    return count


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_it_finds_what_the_plain_implementation_finds(
    spec: FieldSpec, scheme: InitScheme, group: Group
) -> None:
    a, b = random_pairs(spec, scheme)
    found = align_weights(spec, a, b, group=group)
    assert disagreements(spec, a, b, found, group, "greedy") <= 1


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_so_does_it_for_fitted_fields_and_from_the_identity(scheme: InitScheme, group: Group) -> None:
    spec, a, b = fitted_pairs(scheme)
    for start in ("greedy", "identity"):
        found = align_weights(spec, a, b, group=group, start=start)  # type: ignore[arg-type]
        assert disagreements(spec, a, b, found, group, start) <= 1


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_what_it_returns_fits_together(spec: FieldSpec, scheme: InitScheme, group: Group) -> None:
    a, b = random_pairs(spec, scheme)
    kept = b.copy()
    found = align_weights(spec, a, b, group=group)
    assert np.array_equal(b, kept)
    assert np.array_equal(found.element.apply(b), found.weights)
    for row in range(len(b)):
        expected = act(spec, units_of(found.element, row), b[row])
        assert np.array_equal(found.weights[row], expected.astype(np.float32))
        assert found.before[row] == pytest.approx(squared_distance(a[row], b[row]), rel=1e-12)
        assert found.after[row] == pytest.approx(squared_distance(a[row], found.weights[row]), rel=1e-12)
    assert (found.after <= found.before).all()
    assert (found.sweeps >= 1).all()
    assert group == "phase" or not found.element.phase.any()
    assert group != "perm" or (found.element.sign == 1).all()


def test_on_average_it_is_no_farther_than_published_matching() -> None:
    for scheme in SCHEMES:
        spec, a, b = fitted_pairs(scheme)
        rng = np.random.Generator(np.random.Philox(key=7))
        published = [
            squared_distance(x, published_matching(spec, x, y, rng)) for x, y in zip(a, b, strict=True)
        ]
        means = [align_weights(spec, a, b, group=group).after.mean() for group in GROUPS]
        assert means[0] <= 1.01 * np.mean(published)
        assert means[2] <= 1.01 * means[1] < 0.9 * means[0]


def test_one_field_may_be_the_partner_of_all() -> None:
    a, b = random_pairs(SPEC, "siren", 4)
    for one in (a[0], a[:1]):
        found = align_weights(SPEC, one, b)
        for row in range(4):
            alone = align_weights(SPEC, a[:1], b[row : row + 1])
            assert np.array_equal(found.weights[row], alone.weights[0])


def test_fields_and_records_are_aligned_in_the_shape_they_come_in() -> None:
    a, b = random_pairs(SPEC, "siren", 3)
    columns = {name: np.zeros(3, kind) for name, kind in COLUMNS.items()}
    records, expected = Records(SPEC, b, columns), align_weights(SPEC, a, b)
    field, element = align(Field(SPEC, a), records)
    assert field.spec == SPEC
    assert np.array_equal(field.weights, expected.weights)
    assert np.array_equal(element.perm, expected.element.perm)
    field, element = align(Field(SPEC, a[0]), Field(SPEC, b[0]))
    assert field.weights.shape == (SPEC.parameters,)
    assert np.array_equal(field.weights, expected.weights[0])
    assert np.array_equal(element.apply(b[0]), field.weights)
    field, element = align(Field(SPEC, a[0]), records, "perm")
    assert len(element) == 3


def test_weights_are_read_wherever_they_lie() -> None:
    a, b = random_pairs(SPEC, "siren", 3)
    expected = align_weights(SPEC, a, b).weights
    places = np.zeros(b.nbytes + 1, np.uint8)
    unaligned = places[1:].view(np.float32).reshape(b.shape)
    unaligned[:] = b
    unaligned.flags.writeable = False
    for other in (unaligned, np.asfortranarray(b), np.repeat(b, 2, axis=1)[:, ::2]):
        assert np.array_equal(align_weights(SPEC, a, other).weights, expected)


def test_no_pairs_are_no_work() -> None:
    a, b = random_pairs(SPEC, "siren", 0)
    found = align_weights(SPEC, a, b)
    assert found.weights.shape == (0, SPEC.parameters)
    assert len(found.element) == len(found.after) == len(found.sweeps) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 2e12])
@pytest.mark.parametrize("name", ["a", "b"])
def test_weights_without_a_distance_are_refused_by_row(name: str, value: float) -> None:
    weights = dict(zip("ab", random_pairs(SPEC, "siren", 3), strict=True))
    weights[name][1, 5] = value
    with pytest.raises(SpecError, match=f"{name}: row 1 has a weight that is not finite or above 1e\\+12"):
        align_weights(SPEC, weights["a"], weights["b"])


def test_the_largest_weights_are_aligned() -> None:
    a, b = random_pairs(SPEC, "siren", 3)
    a, b = (np.sign(x) * np.float32(1e12) * (1 + abs(x)) / 2 for x in (a, b))
    found = align_weights(SPEC, a, b)
    assert np.isfinite(found.weights).all()
    assert (found.after <= found.before).all()


def test_what_does_not_fit_is_refused() -> None:
    a, b = random_pairs(SPEC, "siren", 3)
    with pytest.raises(SpecError, match="group: found 'all', expected 'perm', 'sign' or 'phase'"):
        align_weights(SPEC, a, b, group="all")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="start: found 'random', expected 'greedy' or 'identity'"):
        align_weights(SPEC, a, b, start="random")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="a, b: found 2 and 3 fields, expected as many, or one a"):
        align_weights(SPEC, a[:2], b)
    with pytest.raises(SpecError, match=r"b: found float64 \(3, 1185\), expected float32 \(n, 1185\)"):
        align_weights(SPEC, a, b.astype(np.float64))  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"b: found float32 \(1185,\), expected float32 \(n, 1185\)"):
        align_weights(SPEC, a, b[0])
    other = FieldSpec([2, 32, 32, 1], [30.0, 20.0], 0.5)
    message = r"omega \[30.0, 30.0\] and of dims \[2, 32, 32, 1\], omega \[30.0, 20.0\], expected one spec"
    with pytest.raises(SpecError, match=message):
        align(Field(SPEC, a), Field(other, b))
    with pytest.raises(SpecError, match=r"^a: found ndarray, expected a Field or Records$"):
        align(a, b)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"^b: found ndarray, expected a Field or Records$"):
        align(Field(SPEC, a), b)  # type: ignore[arg-type]

"""What is no element and no group is refused in one line."""

import numpy as np
import pytest

from neuralviews.errors import SpecError
from neuralviews.field import Field, FieldSpec
from neuralviews.symmetry import Element, align
from neuralviews.symmetry.group import check_group

from .fields import random_weights

SPEC = FieldSpec([2, 4, 1])


@pytest.mark.parametrize("other", [None, 3, "x"])
def test_products_with_what_is_no_element(other: object) -> None:
    element = Element.identity(SPEC, 2)
    for call in (element.compose, element.__matmul__):
        with pytest.raises(SpecError, match=rf"^compose: found {type(other).__name__}, expected an Element$"):
            call(other)  # type: ignore[arg-type]


@pytest.mark.parametrize("group", [["perm"], "x", None, np.array(["perm", "sign"])])
def test_groups_that_are_none(group: object) -> None:
    field = Field(SPEC, random_weights(SPEC, 0, 1)[0].astype(np.float32))
    for call in (lambda: check_group(group), lambda: align(field, field, group=group)):  # type: ignore[arg-type]
        with pytest.raises(SpecError) as error:
            call()
        assert str(error.value) == f"group: found {group!r}, expected 'perm', 'sign' or 'phase'"

"""The public names: one flat list, each importable, each documented, none forgotten."""

import re
from pathlib import Path

import neuralviews as nv

API = Path(__file__).parents[1] / "docs" / "api.md"


def test_every_public_name_loads() -> None:
    for name in nv.__all__:
        assert getattr(nv, name) is not None
        assert name in dir(nv)


def test_docs_list_exactly_the_public_names() -> None:
    documented = re.findall(
        r"^```\{eval-rst\}\n\.\. auto(?:class|function|exception):: neuralviews\.(\w+)", API.read_text(), re.M
    )
    assert sorted(documented) == sorted(set(nv.__all__) - {"__version__"})


def test_the_list_is_sorted_and_complete() -> None:
    assert list(nv.__all__) == sorted(nv.__all__)
    assert set(nv.__all__) == {*nv._HOME, "__version__"}


def test_public_names_have_docstrings() -> None:
    for name in set(nv.__all__) - {"__version__"}:
        assert (getattr(nv, name).__doc__ or "").strip(), f"{name} has no docstring"

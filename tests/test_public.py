"""The public names: one flat list, each importable, each documented, none forgotten."""

import re
import subprocess
import sys
from pathlib import Path

import neuralviews as nv

API = Path(__file__).parents[1] / "docs" / "api.md"


def test_every_public_name_loads() -> None:
    for name in nv.__all__:
        assert getattr(nv, name) is not None
        assert name in dir(nv)


def test_docs_list_exactly_the_public_names() -> None:
    documented = re.findall(
        r"^```\{eval-rst\}\n\.\. auto(?:class|function|exception|data):: neuralviews\.([\w.]+)",
        API.read_text(),
        re.M,
    )
    flat = set(nv.__all__) - {"__version__", *nv._MODULES}
    nested = {f"{module}.{name}" for module in nv._MODULES for name in getattr(nv, module).__all__}
    assert sorted(documented) == sorted(flat | nested)


def test_the_list_is_sorted_and_complete() -> None:
    assert list(nv.__all__) == sorted(nv.__all__)
    assert set(nv.__all__) == {*nv._HOME, *nv._MODULES, "__version__"}


def test_modules_are_modules_however_they_are_reached() -> None:
    program = (
        "import neuralviews as nv, types\n"
        "for name in nv._MODULES:\n"
        "    module = getattr(nv, name)\n"
        "    assert isinstance(module, types.ModuleType), name\n"
        "    for public in module.__all__:\n"
        "        assert not isinstance(getattr(module, public), types.ModuleType), public\n"
        "        assert public in dir(module)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_public_names_have_docstrings() -> None:
    for name in set(nv.__all__) - {"__version__"}:
        assert (getattr(nv, name).__doc__ or "").strip(), f"{name} has no docstring"

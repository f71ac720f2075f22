"""The wheel holds the package and the recipes, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built wheel, unpacked as an installer would."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("neuralviews-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_package_and_recipes(unpacked: Path) -> None:
    tops = {path.name for path in unpacked.iterdir() if not path.name.endswith(".dist-info")}
    assert tops == {"neuralviews"}
    for source in [*ROOT.glob("pipeline/neuralviews/**/*.py"), *ROOT.glob("datasets/*/*.*")]:
        inside = source.relative_to(ROOT / "pipeline" if "pipeline" in source.parts else ROOT)
        path = unpacked / inside if inside.parts[0] == "neuralviews" else unpacked / "neuralviews" / inside
        assert path.read_bytes() == source.read_bytes(), inside
    assert (unpacked / "neuralviews" / "py.typed").exists()
    assert not list(unpacked.rglob("test_*.py"))


def test_recipes_are_found_in_an_installed_package(unpacked: Path) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(unpacked)!r})\n"
        "import neuralviews as nv\n"
        f"assert nv.__file__.startswith({str(unpacked)!r}), nv.__file__\n"
        "print(*nv.recipe_names())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "digits" in done.stdout.split()
    assert len(done.stdout.split()) == len(list(ROOT.glob("datasets/*/recipe.toml")))

"""The structure of the package, enforced: imports run one way, files and functions stay small."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "pipeline" / "neuralviews"
LAYERS = [
    {"_version", "errors", "integers", "seeds", "grids", "portable", "vector", "draws", "mesh"},
    {"field", "records"},
    {"recipe", "signals", "store", "symmetry", "work"},
    {"fit", "augment", "data", "statistics"},
    {"exchange", "remote", "evaluate", "report"},
    {"cli"},
    {"__init__", "__main__"},
]
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOT = PACKAGE.parents[1]
OTHERS = sorted(path for folder in ("tests", "docs") for path in (ROOT / folder).rglob("*.py"))
LONGEST_FILE = 310
LONGEST_FUNCTION = 62


def part_of(module: Path) -> str:
    """The first name below the package: ``store`` for store/reader.py, ``field`` for field.py."""
    relative = module.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def level_of(part: str) -> int:
    found = [level for level, names in enumerate(LAYERS) if part in names or part.split("_")[0] in names]
    assert found, f"{part} belongs to no layer: add it to LAYERS"
    return found[-1]


def imports_of(module: Path) -> Iterator[tuple[int, str]]:
    """(line, part) for each import of the package's own modules, those inside functions included."""
    inside = ("neuralviews", *module.relative_to(PACKAGE).with_suffix("").parts)
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(inside[: len(inside) - node.level]) if node.level else []
            base += node.module.split(".") if node.module else []
            names = [[*base, alias.name] for alias in node.names]
        else:
            continue
        for name in names:
            if name[0] == "neuralviews" and len(name) > 1:
                yield node.lineno, name[1]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.relative_to(PACKAGE).as_posix())
def test_imports_run_one_way(module: Path) -> None:
    level = level_of(part_of(module))
    for line, part in imports_of(module):
        assert part.startswith("__") or level_of(part) <= level, (
            f"{module}:{line} imports {part}, which is above it"
        )


@pytest.mark.parametrize("module", [*MODULES, *OTHERS], ids=lambda m: m.relative_to(ROOT).as_posix())
def test_files_and_functions_are_small(module: Path) -> None:
    text = module.read_text()
    assert len(text.splitlines()) <= LONGEST_FILE, f"{module} is too long: one concept a file"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            start = node.body[1].lineno if ast.get_docstring(node) and len(node.body) > 1 else node.lineno
            length = (node.end_lineno or 0) - start + 1
            assert length <= LONGEST_FUNCTION, f"{module}:{node.lineno} {node.name} has {length} lines"


@pytest.mark.parametrize("folder", ["pipeline", "datasets"])
def test_source_roots_are_not_packages(folder: str) -> None:
    assert not (ROOT / folder / "__init__.py").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["plan", "--help"],
        ["generate", "--help"],
        ["verify", "--help"],
        ["report", "--help"],
        ["evaluate", "--help"],
        ["--version"],
    ],
)
def test_help_starts_without_heavy_libraries(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "from neuralviews.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = set('torch torchvision trimesh numba numpy h5py matplotlib sklearn joblib'.split())\n"
        "assert not heavy & set(sys.modules), sorted(heavy & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_no_global_random_state() -> None:
    """No module draws from a global generator: not NumPy's, not torch's, not the standard library's."""
    banned = {
        ("np.random", name)
        for name in ("seed", "rand", "randn", "randint", "uniform", "normal", "permutation")
    }
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                assert "random" not in names, f"{module}:{node.lineno} imports the global random module"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called = (ast.unparse(node.func.value), node.func.attr)
                assert called not in banned, f"{module}:{node.lineno} draws from NumPy's global generator"
                assert called[1] != "manual_seed" or called[0] != "torch", (
                    f"{module}:{node.lineno} seeds torch"
                )

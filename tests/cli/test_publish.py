"""``publish``: what it prints, and one line for whatever cannot be."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from neuralviews.store.reader import Store

from ..made_stores import contents, make_store, photo_recipe

Run = Callable[..., tuple[int, str, str]]
STATED = (
    "--license",
    "MIT",
    "--creator",
    "A",
    "--creator",
    "B",
    "--date",
    "2026-11-28",
    "--url",
    "https://e.org/x",
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("publish") / "store", objects=12)


def test_what_is_printed(run: Run, store: Store, tmp_path: Path) -> None:
    code, text, err = run("publish", store.root, "--out", tmp_path / "out", *STATED)
    size = sum(path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file())
    files = len(contents(tmp_path / "out"))
    assert (code, err) == (0, "")
    assert text == f"{tmp_path / 'out'}: {files} files, {size / 1000:.0f} kB, of dataset {store.dataset_id}\n"
    described = json.loads((tmp_path / "out" / "croissant.json").read_text())
    assert [one["name"] for one in described["creator"]] == ["A", "B"]
    assert run("publish", store.root, "--out", tmp_path / "out", *STATED) == (code, text, err)


def test_what_was_not_stated_is_said(run: Run, store: Store, tmp_path: Path) -> None:
    code, text, err = run("publish", store.root, "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    assert text.splitlines()[1:] == [
        "licence: not stated, so the card says 'unknown'; give --license",
        "croissant.json: without creator, datePublished, url, which Croissant asks for; "
        "give --creator, --date, --url",
    ]


def test_the_source_stands_beside_the_views(run: Run, tmp_path: Path) -> None:
    recipe = photo_recipe(tmp_path / "source")
    store = make_store(tmp_path / "store", recipe, objects=9)
    given = ("publish", store.root, *STATED)
    code, text, err = run(*given, "--out", tmp_path / "without")
    assert (code, err) == (0, "")
    assert text.endswith("\ngallery.png: drawn without the source; give --source-root\n")
    code, text, err = run(*given, "--out", tmp_path / "with", "--source-root", tmp_path / "source")
    assert (code, err, text.count("\n")) == (0, "", 1)
    pictures = [(tmp_path / name / "gallery.png").read_bytes() for name in ("with", "without")]
    assert pictures[0] != pictures[1]


def test_an_interruption_says_how_to_go_on(
    run: Run, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    arguments = ["publish", str(store.root), "--out", str(out), *STATED]
    monkeypatch.setattr("sys.argv", ["neuralviews", *arguments])
    with monkeypatch.context() as patch:
        patch.setattr("neuralviews.remote.publish.add_file", interrupt)
        code, text, err = run(*arguments)
    assert (code, text) == (130, "")
    count = len(store.manifest.shards)
    assert err == (
        f"interrupted: {count} finished shards are kept in {out}; "
        f"resume with: neuralviews {' '.join(arguments)}\n"
    )
    assert run(*arguments)[0] == 0
    assert (out / "SHA256SUMS.release").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--out", "full"],
            "full: found 'notes.txt', expected an empty folder, or files of this same export",
        ),
        (["--out", "store/release"], "expected a folder of its own"),
        (["--out", "out", "--license", "no licence"], "--license: found 'no licence', expected an SPDX"),
        (["--out", "out", "--date", "today"], "--date: found 'today', expected a day such as 2026-11-28"),
        (["--out", "out", "--to", "owner/name"], "--to: found 'owner/name', expected hf://owner/name"),
        (["--out", "out", "--source-root", "nowhere"], "nowhere"),
        ([], "Missing option '--out'"),
    ],
)
def test_errors_are_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    make_store(tmp_path / "store", photo_recipe(tmp_path / "source"), objects=9)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    before = contents(tmp_path)
    code, text, err = run("publish", "store", *arguments)
    assert (code, text) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert contents(tmp_path) == before


def test_help_starts_without_heavy_libraries() -> None:
    program = (
        "import sys\n"
        "from neuralviews.cli.main import main\n"
        "try:\n    main(['publish', '--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = set('torch numba numpy h5py matplotlib huggingface_hub'.split())\n"
        "assert not heavy & set(sys.modules), sorted(heavy & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

"""``download``: what it prints, how it is interrupted, and one line for whatever cannot be."""

import json
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from neuralviews.cli.published_table import published_json, published_table, published_text
from neuralviews.exchange.export import export
from neuralviews.remote.publish import publish
from neuralviews.store.reader import Store, open_store

from ..made_stores import contents, digits_recipe, make_store
from ..remote.fault_server import Fault
from ..remote.release_server import ReleaseServer, files_of

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("download") / "store")


@pytest.fixture
def served(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReleaseServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ReleaseServer(store.root) as server:
        yield server


class TestReleases:
    def test_a_release(self, run: Run, store: Store, tmp_path: Path) -> None:
        release = publish(store.root, tmp_path / "release").root
        out, found = tmp_path / "copy", files_of(release)
        code, text, err = run("download", f"file://{release}", "--out", out, "--id", store.dataset_id)
        size = sum(map(len, found.values()))
        assert (code, err) == (0, "")
        assert text == (
            f"{out}: {len(found)} files, {size / 1000:.0f} kB, 120 records; every byte proven\n"
            f"{out}: complete, 3 shards fetched now\ndataset id {store.dataset_id}\n"
        )
        assert files_of(out) == found
        code, text, err = run("download", release, "--out", out)
        assert (code, err) == (0, "")
        assert "complete, 0 shards fetched now" in text

    def test_a_bare_store_by_its_relative_path(
        self, run: Run, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(store.root.parent)
        code, text, err = run("download", store.root.name, "--out", tmp_path / "copy")
        assert (code, err) == (0, "")
        assert text.splitlines()[1] == (
            "no SHA256SUMS.release lies there, so only the files of the store were fetched"
        )
        assert contents(tmp_path / "copy") == contents(store.root)

    def test_a_part(self, run: Run, served: ReleaseServer, store: Store, tmp_path: Path) -> None:
        out = tmp_path / "part"
        given = ("download", served.address, "--out", out, "--split", "train", "--views", 2)
        code, text, _ = run(*given, "--first-shards", 2, "--workers", 1)
        part = open_store(out)
        assert code == 0
        assert text == (
            f"{out}: {len(part)} records of dataset {store.dataset_id}\n"
            f"{out}: complete, {len(part)} records copied now\ndataset id {part.dataset_id}\n"
        )
        assert "shards/shard-000002.h5" not in served.asked()
        code, text, _ = run(*given, "--first-shards", 2, "--workers", 1)
        assert (code, text.splitlines()[1]) == (0, f"{out}: complete, 0 records copied now")
        assert run("verify", out, "--level", "full")[0] == 0

    @pytest.mark.parametrize("part", [[], ["--views", "1", "--workers", "1"], ["--from", "npz"]])
    def test_what_is_tried_again_is_told(
        self,
        run: Run,
        served: ReleaseServer,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        part: list[str],
    ) -> None:
        monkeypatch.setattr("neuralviews.remote.patience.time.sleep", lambda seconds: None)
        served.faulty["manifest.json"] = deque([Fault("status", status=503)])
        _, _, err = run("download", f"{served.address}/manifest.json", "--out", tmp_path / "copy", *part)
        told = err.splitlines()[0]
        assert told.startswith(f"{served.address}/manifest.json: answered 503 Service Unavailable; ")
        assert told.endswith("; trying again, up to 4 times")

    @pytest.mark.parametrize("part", [False, True])
    def test_an_interruption(self, served: ReleaseServer, store: Store, tmp_path: Path, part: bool) -> None:
        served.faulty["shards/shard-000001.h5"] = deque([Fault("stall")])
        arguments = ["download", served.address, "--out", "copy", *(["--views", "1"] if part else [])]
        process = subprocess.Popen(
            [sys.executable, "-m", "neuralviews", *arguments],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        until = time.monotonic() + 60
        while "shards/shard-000001.h5" not in served.asked() and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        told = err.splitlines()
        command = f"resume with: neuralviews download {served.address} --out copy"
        if part:
            assert told[-2] == f"what was fetched is kept in {tmp_path}/copy.download"
            assert told[-1] == f"interrupted: no shard was finished yet; {command} --views 1"
        else:
            assert told[-1] == f"interrupted: 1 finished shards are kept in copy; {command}"
        subprocess.run(
            [sys.executable, "-m", "neuralviews", *arguments], cwd=tmp_path, check=True, capture_output=True
        )
        assert len(open_store(tmp_path / "copy")) == (40 if part else 120)
        assert part or contents(tmp_path / "copy") == contents(store.root)


class TestSetsOfOthers:
    def test_the_list(self, run: Run) -> None:
        assert run("download", "--list") == (0, published_table() + "\n", "")
        assert run("download", "--list", "--json") == (0, published_json() + "\n", "")
        assert json.loads(published_json())

    def test_about_one(self, run: Run) -> None:
        assert run("download", "mnist-nfn", "--about") == (0, published_text("mnist-nfn") + "\n", "")

    def test_a_file_that_was_put_there(self, run: Run, tmp_path: Path) -> None:
        """A set that only a browser gets."""
        fields = make_store(tmp_path / "fields", digits_recipe(views=1), 12)
        out, folder = tmp_path / "nfn", tmp_path / "nfn.download"
        code, text, err = run("download", "mnist-nfn", "--out", out)
        assert (code, text, err.count("\n")) == (2, "", 1)
        assert f"put siren_mnist_wts.tar into {folder}, made if need be, and run the same command" in err
        folder.mkdir()
        export(fields, np.arange(len(fields)), "nfn", folder / "siren_mnist_wts.zip")
        code, text, _ = run("download", "mnist-nfn", "--out", out, "--workers", 1)
        archive = folder / "siren_mnist_wts.zip"
        lines = text.splitlines()
        assert code == 0
        assert lines[0].startswith(f"{archive}: nobody published a sha256 of it, so ")
        assert lines[1].startswith("format nfn: found ")
        size = f"{archive.stat().st_size / 1000:.1f} kB"
        assert f"{archive}: {size} are kept; without need for them: rm -r {folder}" in lines
        assert lines[-2:] == [
            f"{out}: complete, 12 fields imported now",
            f"dataset id {open_store(out).dataset_id}",
        ]
        assert archive.exists()

    def test_a_link_to_fields(self, run: Run, served: ReleaseServer, tmp_path: Path) -> None:
        fields = make_store(tmp_path / "fields", digits_recipe(views=1), 12)
        export(fields, np.arange(len(fields)), "dwsnets", tmp_path / "a.zip")
        served["a.zip"] = (tmp_path / "a.zip").read_bytes()
        link, out = served.link("release/a.zip"), tmp_path / "out"
        code, text, err = run("download", link, "--out", out)
        assert (code, text) == (2, "")
        assert err == (
            f"error: {link}: found no manifest.json, expected a published store; to import files of another "
            "program say of which with --from\n"
        )
        code, text, _ = run("download", link, "--from", "dwsnets", "--out", out, "--workers", 1)
        assert (code, len(open_store(out))) == (0, 12)
        assert "complete, 12 fields imported now" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected WHAT, or --list; see 'neuralviews download --help'"),
        (["store"], "expected --out, or --list"),
        (["store", "--json", "--out", "x"], "--json goes with --list"),
        (["mnist-nfn", "--list"], "--list shows all sets; for one of them: mnist-nfn --about"),
        (["--list", "--out", "x"], "--out does not go with --list, which only prints"),
        (["mnist-nfn", "--about", "--views", "1"], "--views does not go with --about, which only prints"),
        (["store", "--out", "x", "--workers", "2"], "--workers goes with a part of a release, or with"),
        (["store", "--out", "x", "--views", "9"], "store are numbered up to 2; ask for 3 or fewer: n takes"),
        (["--about"], "--about prints what is known of one set; expected its name"),
        (["mnist-nfm", "--about"], "no published set is named 'mnist-nfm'; did you mean 'mnist-nfn'?"),
        (["mnist-nfm", "--out", "x"], "no published set is named 'mnist-nfm'; did you mean 'mnist-nfn'?"),
        (["mnist-nfn", "--out", "x", "--views", "1"], "--views: goes with a release alone, not with fields"),
        (["./a", "--from", "nfn", "--out", "x", "--id", "0"], "--id: goes with a release alone, not with"),
        (
            ["./a.zip", "--from", "nfn", "--out", "x"],
            "imported: neuralviews import ./a.zip --from nfn --out x",
        ),
        (["celeba-hq-functa", "--out", "x"], "celeba-hq-functa: cannot be imported: modulations of one"),
        (["./nowhere", "--out", "x"], "nowhere: found no manifest.json, expected a published store"),
        (["store", "--out", "x", "--id", "12"], "id: found '12', expected a dataset id of 64 lower-case hex"),
        (["store", "--out", "x", "--id", "0" * 64], "expected 000000"),
        (["store", "--out", "x", "--first-shards", "9"], "first-shards: found 9, but "),
        (["store", "--out", "x", "--split", "all"], "'all' is not one of 'train', 'val', 'test'"),
        (["store", "--out", "store/x"], "store/x: is or lies in the store that is downloaded"),
        (["store", "--out", "full"], "full: holds 'notes.txt' and no job.json; choose a new or an empty"),
        (
            ["clouds-inr2vec", "--out", "x"],
            "a set has this name, and so has a folder here; for the folder: ./c",
        ),
        (["hf://owner", "--out", "x"], "no link to a dataset, expected hf://owner/name[@revision][/path]"),
        (["doi:10.1000/1", "--out", "x"], "expected one of Zenodo"),
        (["ftp://example.org/x", "--out", "x"], "no link that can be opened, expected https://"),
    ],
)
def test_errors_are_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    make_store(tmp_path / "store", objects=9)
    for folder in ("full", "clouds-inr2vec"):
        (tmp_path / folder).mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    before = contents(tmp_path)
    code, text, err = run("download", *arguments)
    assert (code, text) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert contents(tmp_path) == before


def test_help_starts_without_heavy_libraries() -> None:
    program = (
        "import sys\n"
        "from neuralviews.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = set('torch numba numpy h5py matplotlib huggingface_hub'.split())\n"
        "assert not heavy & set(sys.modules), sorted(heavy & set(sys.modules))\n"
    )
    for arguments in (["download", "--help"], ["download", "--list"], ["download", "mnist-nfn", "--about"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout

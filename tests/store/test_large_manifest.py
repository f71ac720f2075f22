"""Manifests of very many shards: opened in little memory, read and spelt shard by shard like any JSON."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralviews.cli.main import main
from neuralviews.errors import IntegrityError
from neuralviews.store.canonical import canonical_json
from neuralviews.store.manifest import encode, parse_manifest
from neuralviews.store.manifest_text import quick_manifest, spelt_manifest
from neuralviews.store.reader import open_store
from neuralviews.store.verify import verify
from neuralviews.store.writer import StoreWriter

from ..large_stores import simulate
from .stores import CONTENTS, fill, make_job_of


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of ten million records in ten thousand shards."""
    root = tmp_path_factory.mktemp("large") / "store"
    simulate(root, 10_000)
    return root


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """A manifest of each kind of store."""
    found = []
    for content in CONTENTS:
        writer = StoreWriter(tmp_path_factory.mktemp(content) / "store", make_job_of(content))
        fill(writer)
        found.append((writer.root / "manifest.json").read_bytes())
    return found


def test_ten_thousand_shards_open_in_little_memory(large: Path) -> None:
    size = (large / "manifest.json").stat().st_size
    tracemalloc.start()
    try:
        store = open_store(large)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(store.manifest.shards) > 9_900
    assert len(store) == 10_000_305
    assert kept < size
    assert peak < 5 * size
    tables = {id(entry.datasets) for entry in store.manifest.shards}
    assert len(tables) == 2  # of all shards, and of the last


def test_a_large_store_is_described_and_its_texts_follow(
    large: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["info", str(large), "--json"])
    assert end.value.code == 0
    assert json.loads(capsys.readouterr().out)["records"] == 10_000_305
    assert verify(large, "quick").rows == 10_000_305
    with pytest.raises(IntegrityError, match=r"shard-005000\.h5: found sha256"):
        open_store(large).record(5000 * open_store(large).job["rows_per_shard"])


def test_manifests_are_spelt_as_canonical_json(texts: list[bytes]) -> None:
    for text in texts:
        manifest = quick_manifest(text)
        assert manifest is not None
        assert spelt_manifest(manifest) == text == canonical_json(msgspec.to_builtins(manifest))
        assert parse_manifest(text, "m")[0] == manifest


@settings(max_examples=400)
@given(st.data())
def test_what_is_read_quickly_is_canonical(texts: list[bytes], data: st.DataObject) -> None:
    """Whatever bytes are changed, put in or taken out anywhere."""
    text = data.draw(st.sampled_from(texts))
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, min(len(text), start + 3)))
    put = data.draw(
        st.sampled_from([b"", b" ", b"0", b"7", b"-", b'"', b",", b"}", b"\\u0041", b"\x7f", b"1e3"])
    )
    check_quick(text[:start] + put + text[stop:])


Change = Any
CHANGES: list[Change] = [
    lambda text: text.replace(b'"rows":32', b'"rows":32,"rows":32', 1),
    lambda text: text.replace(b'{"bytes"', b'{ "bytes"', 1),
    lambda text: text.replace(b'"shards":[', b'"shards":[],"shards":[', 1),
    lambda text: text.replace(b'"shards/shard-000000.h5"', b'"shards\\u002fshard-000000.h5"', 1),
    lambda text: text.replace(b'"offset":', b'"offset":0', 1),
    lambda text: text.replace(b"},{", b"}, {", 1),
    lambda text: text.rstrip(b"\n"),
    lambda text: text + b"\n",
    lambda text: b" " + text,
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_other_spellings_are_not_read_quickly(texts: list[bytes], number: int) -> None:
    for text in texts:
        changed = CHANGES[number](text)
        check_quick(changed)
        if changed != text:
            assert quick_manifest(changed) is None


def check_quick(text: bytes) -> None:
    manifest = quick_manifest(text)
    if manifest is not None:
        assert canonical_json(json.loads(text)) == text == encode(manifest)
        assert msgspec.convert(json.loads(text), type(manifest)) == manifest

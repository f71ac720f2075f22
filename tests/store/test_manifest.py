import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralviews.errors import FormatError
from neuralviews.store.canonical import canonical_json, sha256_hex
from neuralviews.store.manifest import checksums, encode, parse_manifest, parse_receipt, receipt_of
from neuralviews.store.schema import MAX_JOB_BYTES, MAX_JSON_BYTES, MAX_ROWS, MAX_SHARDS

from .stores import make_store


@pytest.fixture(scope="module")
def manifest(finished: Path) -> dict[str, Any]:
    return read(finished)


@pytest.fixture(scope="module")
def manifest_of_shapes(finished_shapes: Path) -> dict[str, Any]:
    return read(finished_shapes)


@pytest.fixture(scope="module")
def manifest_of_copies(finished_copies: Path) -> dict[str, Any]:
    return read(finished_copies)


def read(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "manifest.json").read_bytes())
    return found


@pytest.mark.parametrize(
    ("store", "rows"), [("finished", 100), ("finished_copies", 200), ("finished_shapes", 100)]
)
def test_it_reads_back_to_the_same_bytes(request: pytest.FixtureRequest, store: str, rows: int) -> None:
    data = (request.getfixturevalue(store) / "manifest.json").read_bytes()
    manifest, job = parse_manifest(data, "manifest.json")
    assert encode(manifest) == data
    assert (job.rows, len(manifest.shards)) == (rows, 4)


def test_receipts_and_checksums_follow_from_it(finished: Path) -> None:
    data = (finished / "manifest.json").read_bytes()
    manifest, job = parse_manifest(data, "manifest.json")
    for shard, entry in enumerate(manifest.shards):
        receipt = (finished / f"shards/shard-{shard:06d}.h5.json").read_bytes()
        assert receipt == receipt_of(entry, job)
        assert parse_receipt(receipt, "receipt").sha256 == entry.sha256
    sums = (finished / "SHA256SUMS").read_bytes()
    assert sums == checksums(manifest, job, sha256_hex(data))
    for line in sums.decode().splitlines():
        digest, name = line.split("  ")
        assert sha256_hex((finished / name).read_bytes()) == digest


def test_the_summary_is_exact(manifest: dict[str, Any]) -> None:
    psnr = sorted(35 + (row % 160) / 8 for row in range(100))
    diverged = sum(row % 16 == 5 for row in range(100))
    assert manifest["summary"] == {
        "splits": {
            "train": {"records": 34, "objects": 12},
            "val": {"records": 33, "objects": 11},
            "test": {"records": 33, "objects": 11},
        },
        "psnr": {"median": psnr[49], "p05": psnr[4], "min": psnr[0]},
        "status": {"converged": 0, "budget": 100 - diverged, "diverged": diverged},
    }


Edit = Callable[[dict[str, Any]], Any]
EDITS: list[tuple[Edit, str]] = [
    (lambda m: m.update(format="x"), "not a neuralviews store"),
    (lambda m: m.update(format_version=2), "written by a newer neuralviews"),
    (lambda m: m.update(extra=1), "unknown field `extra`"),
    (lambda m: m.pop("summary"), "missing required field `summary`"),
    (lambda m: m["job"].update(rows=0), "job: found rows 0"),
    (lambda m: m["job"].update(rows=64), "found 4 shards, expected 2 from its job"),
    (lambda m: m["shards"].pop(), "found 3 shards, expected 4"),
    (lambda m: m["shards"][1].update(bytes="1"), r"Expected `int`, got `str` - at `\$\.shards\[1\]\.bytes`"),
    (lambda m: m["shards"][1].update(bytes=-1), "shards.*bytes"),
    (lambda m: m["shards"][1].update(bytes=1 << 63), "shards.*bytes"),
    (lambda m: m["shards"][1].update(bytes=10**400), "shards.*bytes"),
    (lambda m: m["shards"][1].update(bytes=100), "shard 1: .* ends at byte"),
    (lambda m: m["shards"][1].update(sha256="0" * 63), r"shards\[1\]\.sha256"),
    (lambda m: m["shards"][1].update(sha256="0" * 64 + "\n"), r"shards\[1\]\.sha256"),
    (lambda m: m["shards"][1].update(file="../../etc/passwd"), "shard 1: found file"),
    (lambda m: m["shards"][1].update(file="/etc/passwd"), "shard 1: found file"),
    (lambda m: m["shards"][1].update(file="shards/shard-000000.h5"), "shard 1: found file"),
    (lambda m: m["shards"][1].update(row_start=0), "shard 1: found file, row_start, rows"),
    (lambda m: m["shards"][3].update(rows=32), "shard 3: found file, row_start, rows"),
    (lambda m: m["shards"][0]["splits"].update(train=0), "shard 0: found splits"),
    (lambda m: m["shards"][0]["splits"].update(more=0), "shard 0: found splits"),
    (lambda m: m["shards"][0]["datasets"].pop("weights"), "shard 0: found datasets"),
    (lambda m: m["shards"][0]["datasets"]["weights"].update(dtype="|O"), "weights: found |O"),
    (lambda m: m["shards"][0]["datasets"]["weights"].update(shape=[1 << 60, 1 << 60]), "weights: found <f4"),
    (lambda m: m["shards"][0]["datasets"]["weights"].update(offset=1 << 60), "weights ends at byte"),
    (lambda m: m["shards"][0]["datasets"]["weights"].update(offset=0), "overlaps"),
    (
        lambda m: m["shards"][0]["datasets"].update({"meta/loss": m["shards"][0]["datasets"]["meta/psnr"]}),
        "overlaps",
    ),
    (lambda m: m["summary"]["splits"].pop("test"), "summary.splits"),
    (lambda m: m["summary"]["status"].update(other=1), "summary.status"),
]


@pytest.mark.parametrize(("edit", "message"), EDITS)
def test_an_edit_is_named(manifest: dict[str, Any], edit: Edit, message: str) -> None:
    edited = json.loads(canonical_json(manifest))
    edit(edited)
    with pytest.raises(FormatError, match=message) as caught:
        parse_manifest(canonical_json(edited), "store/manifest.json")
    assert str(caught.value).startswith("store/manifest.json")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda m: m["job"].update(kind="generate"), "job: found columns .*, expected the width of repairs"),
        (lambda m: m["job"].pop("columns"), "job: found columns None"),
        (lambda m: m["job"].pop("parent"), r"job: found parent\.dataset_id None"),
        (lambda m: m["job"].pop("pipelines"), "job: found pipelines None"),
        (
            lambda m: m["job"]["columns"].update(params=4),
            r"aug/params: found <f4 \(64, 3\), .* <f4 \(64, 4\)",
        ),
        (lambda m: m["job"]["columns"].update(classes=1), r"aug/.*: found .* \(64, 2\), .* \(64, 1\)"),
        (lambda m: m["shards"][1]["datasets"].pop("aug/params"), "shard 1: found datasets"),
        (
            lambda m: m["shards"][1]["datasets"].update(
                {"meta/params": m["shards"][1]["datasets"]["weights"]}
            ),
            "shard 1: found datasets",
        ),
        (
            lambda m: m["shards"][1]["datasets"]["aug/parent_a"].update(dtype="<i8"),
            r"shard 1: aug/parent_a: found <i8 \(64,\), expected <u8 \(64,\)",
        ),
        (lambda m: m["shards"][1]["datasets"]["aug/shares"].update(shape=[128]), "aug/shares: found <f4"),
        (
            lambda m: m["shards"][1]["datasets"]["aug/params"].update(
                offset=m["shards"][1]["datasets"]["aug/shares"]["offset"]
            ),
            "overlaps",
        ),
        (
            lambda m: m["shards"][1]["datasets"]["aug/params"].update(offset=1 << 40),
            "aug/params ends at byte",
        ),
    ],
)
def test_an_edit_of_an_augmented_store_is_named(
    manifest_of_copies: dict[str, Any], edit: Edit, message: str
) -> None:
    edited = json.loads(canonical_json(manifest_of_copies))
    edit(edited)
    with pytest.raises(FormatError, match=rf"^store/manifest\.json: .*{message}"):
        parse_manifest(canonical_json(edited), "store/manifest.json")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda m: m["job"].pop("columns"), "shard 0: found datasets .*'shape/iou'.*, expected"),
        (lambda m: m["job"].pop("max_disagreement"), "job: found max_disagreement None"),
        (lambda m: m["shards"][1]["datasets"].pop("shape/iou"), "shard 1: found datasets"),
        (
            lambda m: m["shards"][1]["datasets"]["shape/repairs"].update(shape=[32, 4]),
            r"shape/repairs: found <u4 \(32, 4\), expected <u4 \(32, 5\)",
        ),
        (lambda m: m["shards"][1]["datasets"]["shape/iou"].update(dtype="<f8"), "shape/iou: found <f8"),
        (lambda m: m["shards"][1]["datasets"]["shape/iou"].update(offset=1 << 40), "shape/iou ends at byte"),
        (lambda m: m["summary"].pop("shapes"), "summary.shapes: expected one, as its job says"),
        (lambda m: m["summary"].update(shapes=None), r"got `null` - at `\$\.summary\.shapes`"),
        (lambda m: m["summary"]["shapes"].update(more=0), "unknown field `more`"),
        (lambda m: m["summary"]["shapes"].pop("marked"), "missing required field `marked`"),
        (lambda m: m["summary"]["shapes"].update(marked=-1), r"summary\.shapes\.marked"),
        (lambda m: m["summary"]["shapes"].update(iou=None), r"summary\.shapes\.iou"),
        (lambda m: m["summary"]["shapes"]["iou"].update(min="0"), r"summary\.shapes\.iou\.min"),
        (lambda m: m["summary"]["shapes"]["targets"].pop("udf"), r"summary\.shapes\.targets: expected"),
        (lambda m: m["summary"]["shapes"]["targets"].update(mesh=0), r"summary\.shapes\.targets: expected"),
    ],
)
def test_an_edit_of_a_store_of_shapes_is_named(
    manifest_of_shapes: dict[str, Any], edit: Edit, message: str
) -> None:
    edited = json.loads(canonical_json(manifest_of_shapes))
    edit(edited)
    with pytest.raises(FormatError, match=rf"^store/manifest\.json: .*{message}"):
        parse_manifest(canonical_json(edited), "store/manifest.json")


def test_no_other_store_has_a_summary_of_shapes(
    manifest: dict[str, Any], manifest_of_shapes: dict[str, Any]
) -> None:
    summary = {**manifest["summary"], "shapes": manifest_of_shapes["summary"]["shapes"]}
    with pytest.raises(FormatError, match=r"summary\.shapes: expected none, as its job says"):
        parse_manifest(canonical_json({**manifest, "summary": summary}), "manifest.json")


def test_what_must_be_aligned_is(tmp_path: Path) -> None:
    make_store(tmp_path / "store", rows=700, rows_per_shard=700)
    edited = json.loads((tmp_path / "store" / "manifest.json").read_bytes())
    entry = edited["shards"][0]
    entry["bytes"] += 8
    entry["datasets"]["weights"]["offset"] += 4
    with pytest.raises(
        FormatError, match=r"shard 0: weights starts at byte \d+, expected a multiple of 4096"
    ):
        parse_manifest(canonical_json(edited), "manifest.json")


@pytest.mark.parametrize("store", ["manifest", "manifest_of_copies", "manifest_of_shapes"])
def test_the_largest_manifest_can_be_read_again(request: pytest.FixtureRequest, store: str) -> None:
    """Every number of an entry as long as it can be."""
    entry = json.loads(canonical_json(request.getfixturevalue(store)["shards"][0]))
    widest = 1 << 63
    entry |= {"bytes": widest, "row_start": MAX_ROWS, "rows": MAX_ROWS}
    entry["splits"] = dict.fromkeys(entry["splits"], MAX_ROWS)
    for extent in entry["datasets"].values():
        extent["offset"] = widest
        extent["shape"] = [MAX_ROWS for _ in extent["shape"]]
    assert MAX_JOB_BYTES + MAX_SHARDS * len(canonical_json(entry)) + 10_000 < MAX_JSON_BYTES


leaves = st.sampled_from([None, True, -1, 0, 2**70, 0.5, "", "shards/x", [], {}, [0], {"a": 0}])


@settings(max_examples=300)
@given(st.data())
def test_any_changed_value_is_refused_or_read(
    manifest: dict[str, Any],
    manifest_of_copies: dict[str, Any],
    manifest_of_shapes: dict[str, Any],
    data: st.DataObject,
) -> None:
    """No other exception than FormatError comes out, whatever replaces whatever."""
    manifests = st.sampled_from([manifest, manifest_of_copies, manifest_of_shapes])
    edited = json.loads(canonical_json(data.draw(manifests)))
    place, key = edited, data.draw(st.sampled_from(sorted(edited)))
    while isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans()):
        place = place[key]
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    place[key] = data.draw(leaves)
    with suppress(FormatError):
        parse_manifest(canonical_json(edited), "manifest.json")


@pytest.mark.parametrize("key", ["bytes", "file", "job", "rows", "sha256"])
def test_a_receipt_needs_every_key(finished: Path, key: str) -> None:
    receipt = json.loads((finished / "shards/shard-000000.h5.json").read_bytes())
    del receipt[key]
    with pytest.raises(FormatError, match=f"^r: Object missing required field `{key}`"):
        parse_receipt(canonical_json(receipt), "r")

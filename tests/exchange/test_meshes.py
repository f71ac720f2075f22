"""Meshes of records: the right surface under the right name, and what is said of the others."""

import io
from pathlib import Path

import numpy as np
import pytest
import trimesh

from neuralviews.augment.plan import Plan
from neuralviews.augment.run import augment_store
from neuralviews.errors import OptionError, SpecError
from neuralviews.exchange.meshes import MOST_POINTS, export_meshes
from neuralviews.mesh.mesh import Mesh
from neuralviews.records import NO_LABEL, Status
from neuralviews.store.reader import Store, open_store

from ..ball_fields import COUNT, ball_recipe, ball_store, ball_weights, balls
from ..made_stores import contents, make_store
from ..mesh.analytic import require_closed, volume

RESOLUTION = 32
STEP = 2 / (RESOLUTION - 1)


def read_ply(path: Path) -> Mesh:
    found = trimesh.load_mesh(io.BytesIO(path.read_bytes()), file_type="ply", process=False)
    return Mesh(np.array(found.vertices, np.float64), np.array(found.faces, np.int64))


def test_surfaces_of_records(tmp_path: Path) -> None:
    store, rows = ball_store(tmp_path / "store"), np.array([7, 0, 35])
    done = export_meshes(store, rows, tmp_path / "out", resolution=RESOLUTION, progress=False)
    assert done == (3, ())
    names = {
        0: "000000_bed_object0_v0.ply",
        7: "000007_desk_object2_v1.ply",
        35: "000035_sofa_object11_v2.ply",
    }
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(names.values())
    for record, name in names.items():
        mesh, radius, centre = read_ply(tmp_path / "out" / name), *(part[record] for part in balls())
        require_closed(mesh)
        assert volume(mesh) > 0
        np.testing.assert_allclose(np.linalg.norm(mesh.vertices - centre, axis=1), radius, atol=STEP**2)
        header = (tmp_path / "out" / name).read_bytes().split(b"end_header")[0].decode()
        assert f"\ncomment neuralviews dataset {store.dataset_id} record {record}\n" in header
        assert f"\ncomment surface on {RESOLUTION}^3 points of the cube [-1, 1]^3\n" in header


def test_the_same_bytes_again(tmp_path: Path) -> None:
    store, rows = ball_store(tmp_path / "store"), np.arange(3)
    for out in ("one", "two", "one"):
        assert export_meshes(store, rows, tmp_path / out, resolution=12, progress=False)[0] == 3
    export_meshes(store, rows[::-1], tmp_path / "three", resolution=12, progress=False)
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == contents(tmp_path / "three")


def test_what_readers_should_know(tmp_path: Path) -> None:
    """Records 9 to 11 are unsigned distances; 1 and 10 have no surface; 2 and 10 diverged."""
    nowhere = ball_weights(0.3, np.array([5.0, 0, 0]))
    status = np.full(COUNT, Status.budget, np.uint8)
    status[[2, 10]] = Status.diverged
    store = ball_store(tmp_path / "store", weights={1: nowhere, 10: nowhere}, columns={"status": status})
    rows = np.arange(12)
    done = export_meshes(store, rows, tmp_path / "out", resolution=81, progress=False)
    assert done[0] == len(list((tmp_path / "out").iterdir())) == 10
    assert done[1] == (
        "no surface, no file: records 1, 10",
        "unsigned distances, drawn as shells around their surfaces: records 9, 11",
        "diverged or rejected, so no likenesses of their shapes: record 2",
    )
    radius, centre = (part[9] for part in balls())
    shell = read_ply(tmp_path / "out" / "000009_sofa_object3_v0.ply")
    level = 0.25  # a quarter of the truncation, in a range that has 0 in its middle
    np.testing.assert_allclose(
        np.linalg.norm(shell.vertices - centre, axis=1), (radius**2 + level) ** 0.5, atol=0.025**2
    )


def test_long_lists_are_cut(tmp_path: Path) -> None:
    nowhere = ball_weights(0.3, np.array([5.0, 0, 0]))
    store = ball_store(tmp_path / "store", weights=dict.fromkeys(range(COUNT), nowhere))
    done = export_meshes(store, np.arange(COUNT), tmp_path / "out", resolution=5, progress=False)
    assert done[0] == 0
    assert done[1][0].endswith(": records " + ", ".join(map(str, range(20))) + " and 16 more")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("label", "part"), [(NO_LABEL, "unlabelled"), (0, "bed"), (2, "desk"), (9, "label9")]
)
def test_labels_in_names(tmp_path: Path, label: int, part: str) -> None:
    store = ball_store(tmp_path / "store", columns={"label": np.full(COUNT, label, np.int32)})
    export_meshes(store, np.array([4]), tmp_path / "out", resolution=9, progress=False)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"000004_{part}_object1_v1.ply"]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("night_stand", "night-stand"),
        ("../../etc", "etc"),
        ("椅子", "label1"),
        ("a" * 60, "a" * 40),
        (".", "label1"),
    ],
)
def test_class_names_cannot_lead_elsewhere(name: str, part: str) -> None:
    from neuralviews.exchange.meshes import _label_part

    assert _label_part(("x", name), 1) == part


def grown(store: Store, root: Path) -> Store:
    plan = {"name": "grown", "copies": 2, "pipelines": [{"name": "grown", "steps": [{"op": "sdf_scale"}]}]}
    augment_store(store, Plan.checked(plan, "plan"), root)
    return open_store(root)


def test_copies(tmp_path: Path) -> None:
    """Balls grow to balls; what they mean is found with the ancestor that was fitted."""
    recipe = ball_recipe(shape={"target": "sdf", "truncation": 0.1})
    copies = grown(grown(ball_store(tmp_path / "store", recipe), tmp_path / "one"), tmp_path / "two")
    rows = np.array([0, 1, 25])
    assert export_meshes(copies, rows, tmp_path / "out", resolution=RESOLUTION, progress=False)[0] == 3
    once = open_store(tmp_path / "one")
    for record, path in zip(rows.tolist(), sorted((tmp_path / "out").iterdir()), strict=True):
        assert path.name.startswith(f"{record:06d}_")
        parent = int(copies.record(record)["parent_a"])
        factor = copies.record(record)["params"][0] * once.record(parent)["params"][0]
        radius, centre = (part[int(once.record(parent)["parent_a"])] for part in balls())
        vertices = read_ply(path).vertices
        np.testing.assert_allclose(
            np.linalg.norm(vertices - factor * centre, axis=1), factor * radius, atol=2 * STEP**2
        )


def test_copies_whose_targets_nobody_knows_are_refused(tmp_path: Path) -> None:
    copies = grown(ball_store(tmp_path / "store"), tmp_path / "copies")
    with pytest.raises(OptionError) as error:
        export_meshes(copies, np.arange(2), tmp_path / "out", resolution=9, progress=False)
    assert str(error.value) == (
        f"{copies.root}: copies do not say whose objects became unsigned distances "
        "(shape.unreliable = 'udf'), so their surfaces are not known; take the store they were made from"
    )
    assert not (tmp_path / "out").exists()


def test_what_is_refused_leaves_no_folder(tmp_path: Path) -> None:
    images, out = make_store(tmp_path / "images"), tmp_path / "out"
    with pytest.raises(SpecError, match=r"found fields fitted to source.kind = 'digits', expected fields of"):
        export_meshes(images, np.arange(2), out, resolution=9, progress=False)
    store = ball_store(tmp_path / "store", ball_recipe(views=3))
    for resolution in (2, MOST_POINTS + 1):
        with pytest.raises(OptionError) as error:
            export_meshes(store, np.arange(2), out, resolution=resolution, progress=False)
        assert str(error.value) == f"resolution: found {resolution}, expected 3 to {MOST_POINTS}"
    assert not out.exists()

"""Hostile shards of copies, shapes and imported records: what is wrong with the group that only they have."""

from collections.abc import Mapping

import h5py
import numpy as np

from .hostile import ZEROS, Change, column, contiguous, moved, replaced

COPIES: Mapping[str, tuple[Change, str]] = {
    "no group": (replaced("aug", lambda f, v: None), "2 links in /, expected 3"),
    "a group more": (lambda f, v: f.create_group("aug2") and None, "4 links in /, expected 3"),
    "a group of another name": (moved("aug", "auk"), "no aug in /"),
    "a dataset for the group": (
        replaced("aug", lambda f, v: contiguous(f, "aug", np.zeros(8, "<f4"))),
        "aug is not a group",
    ),
    "a link for the group": (
        replaced("aug", lambda f, v: f.__setitem__("aug", h5py.ExternalLink(v, "/"))),
        "aug in / is a link to elsewhere",
    ),
    "one group under two names": (
        replaced("aug", lambda f, v: f.__setitem__("aug", f["meta"])),
        "10 links in aug, expected 8",
    ),
    "an attribute on the group": (lambda f, v: f["aug"].attrs.create("a", 1), "1 attributes on aug"),
    "an attribute on a column": (
        lambda f, v: f["aug/params"].attrs.create("a", 1),
        "attributes on aug/params",
    ),
    "a column more": (lambda f, v: contiguous(f, "aug/more", ZEROS), "9 links in aug, expected 8"),
    "a column less": (column("shares", None), "7 links in aug, expected 8"),
    "a column in the other group": (moved("aug/params", "meta/params"), "7 links in aug, expected 8"),
    "columns exchanged": (
        lambda f, v: (
            f.move("aug/classes", "aug/x"),
            f.move("aug/shares", "aug/classes"),
            f.move("aug/x", "aug/shares"),
        )[0],
        "aug/classes has another type than <i4",
    ),
    "another type": (column("shares", np.zeros((40, 2), "<f8")), "aug/shares has another type than <f4"),
    "signed parents": (column("parent_a", np.zeros(40, "<i8")), "aug/parent_a has another type than <u8"),
    "too wide": (column("params", np.zeros((40, 4), "<f4")), "aug/params has the shape"),
    "too narrow": (column("classes", np.zeros((40, 1), "<i4")), "aug/classes has the shape"),
    "too flat": (column("shares", np.zeros(80, "<f4")), "aug/shares has the shape"),
    "too deep": (column("parent_b", np.zeros((40, 1), "<u8")), "aug/parent_b has the shape"),
    "too short": (column("pipeline", np.zeros(39, "<u2")), "aug/pipeline has the shape"),
    "turned round": (column("params", np.zeros((3, 40), "<f4")), "aug/params has the shape"),
    "a column under two names": (
        replaced("aug/in_domain", lambda f, v: f.__setitem__("aug/in_domain", f["aug/psnr_before"])),
        "overlaps",
    ),
    "a column that is a link": (
        replaced("aug/params", lambda f, v: f.__setitem__("aug/params", h5py.ExternalLink(v, "/weights"))),
        "params in aug is a link to elsewhere",
    ),
    "a column in another file": (
        replaced("aug/params", lambda f, v: contiguous(f, "aug/params", np.zeros((40, 3), "<f4"), v)),
        "another file|not contiguous",
    ),
    "a column in chunks": (
        replaced(
            "aug/params",
            lambda f, v: (
                f.create_dataset("aug/params", data=np.zeros((40, 3), "<f4"), chunks=(8, 3)) and None
            ),
        ),
        "aug/params is not contiguous",
    ),
}
"""Shards of augmented copies, made whole, then changed."""


SHAPES: Mapping[str, tuple[Change, str]] = {
    "no group": (replaced("shape", lambda f, v: None), "2 links in /, expected 3"),
    "a group of copies more": (lambda f, v: f.create_group("aug") and None, "4 links in /, expected 3"),
    "a group of another name": (moved("shape", "shapes"), "no shape in /"),
    "a link for the group": (
        replaced("shape", lambda f, v: f.__setitem__("shape", h5py.ExternalLink(v, "/"))),
        "shape in / is a link to elsewhere",
    ),
    "one group under two names": (
        replaced("shape", lambda f, v: f.__setitem__("shape", f["meta"])),
        "10 links in shape, expected 5",
    ),
    "an attribute on the group": (lambda f, v: f["shape"].attrs.create("a", 1), "1 attributes on shape"),
    "a column more": (lambda f, v: contiguous(f, "shape/more", ZEROS), "6 links in shape, expected 5"),
    "a column less": (column("iou", None), "4 links in shape, expected 5"),
    "a column of another name": (moved("shape/iou", "shape/chamfer"), "no iou in shape"),
    "a column in the other group": (moved("shape/target", "meta/target"), "11 links in meta, expected 10"),
    "another type": (column("iou", np.zeros(40, "<f8")), "shape/iou has another type than <f4"),
    "signed repairs": (
        column("repairs", np.zeros((40, 5), "<i4")),
        "shape/repairs has another type than <u4",
    ),
    "signed targets": (column("target", np.zeros(40, "i1")), "shape/target has another type than \\|u1"),
    "too wide": (column("repairs", np.zeros((40, 6), "<u4")), "shape/repairs has the shape"),
    "too narrow": (column("repairs", np.zeros((40, 4), "<u4")), "shape/repairs has the shape"),
    "too flat": (column("repairs", np.zeros(200, "<u4")), "shape/repairs has the shape"),
    "too deep": (column("iou", np.zeros((40, 1), "<f4")), "shape/iou has the shape"),
    "too short": (column("sign_disagreement", np.zeros(39, "<f4")), "shape/sign_disagreement has the shape"),
    "a column under two names": (
        replaced("shape/iou", lambda f, v: f.__setitem__("shape/iou", f["shape/surface_error"])),
        "overlaps",
    ),
    "a column that is a link": (
        replaced("shape/iou", lambda f, v: f.__setitem__("shape/iou", h5py.ExternalLink(v, "/weights"))),
        "iou in shape is a link to elsewhere",
    ),
    "a column in another file": (
        replaced("shape/iou", lambda f, v: contiguous(f, "shape/iou", np.zeros(40, "<f4"), v)),
        "another file|not contiguous",
    ),
    "a column in chunks": (
        replaced(
            "shape/repairs",
            lambda f, v: (
                f.create_dataset("shape/repairs", data=np.zeros((40, 5), "<u4"), chunks=(8, 5)) and None
            ),
        ),
        "shape/repairs is not contiguous",
    ),
}
"""Shards of fitted shapes, made whole, then changed."""


IMPORTED: Mapping[str, tuple[Change, str]] = {
    "no group": (replaced("import", lambda f, v: None), "2 links in /, expected 3"),
    "a group of shapes more": (lambda f, v: f.create_group("shape") and None, "4 links in /, expected 3"),
    "a group of another name": (moved("import", "imported"), "no import in /"),
    "a dataset for the group": (
        replaced("import", lambda f, v: contiguous(f, "import", np.zeros(8, "<f4"))),
        "import is not a group",
    ),
    "a link for the group": (
        replaced("import", lambda f, v: f.__setitem__("import", h5py.ExternalLink(v, "/"))),
        "import in / is a link to elsewhere",
    ),
    "one group under two names": (
        replaced("import", lambda f, v: f.__setitem__("import", f["meta"])),
        "10 links in import, expected 1",
    ),
    "an attribute on the group": (lambda f, v: f["import"].attrs.create("a", 1), "1 attributes on import"),
    "an attribute on the column": (
        lambda f, v: f["import/attributes"].attrs.create("a", 1),
        "attributes on import/attributes",
    ),
    "a column more": (lambda f, v: contiguous(f, "import/more", ZEROS), "2 links in import, expected 1"),
    "a column less": (column("attributes", None), "0 links in import, expected 1"),
    "a column of another name": (moved("import/attributes", "import/more"), "no attributes in import"),
    "a column in the other group": (moved("import/attributes", "meta/attributes"), "links in meta|in import"),
    "another type": (
        column("attributes", np.zeros((40, 2), "<f8")),
        "import/attributes has another type than <f4",
    ),
    "too wide": (column("attributes", np.zeros((40, 3), "<f4")), "import/attributes has the shape"),
    "too narrow": (column("attributes", np.zeros((40, 1), "<f4")), "import/attributes has the shape"),
    "too flat": (column("attributes", np.zeros(80, "<f4")), "import/attributes has the shape"),
    "too short": (column("attributes", np.zeros((39, 2), "<f4")), "import/attributes has the shape"),
    "a column that is another one": (
        replaced("import/attributes", lambda f, v: f.__setitem__("import/attributes", f["meta/psnr"])),
        "import/attributes has the shape",
    ),
    "a column that is a link": (
        replaced(
            "import/attributes",
            lambda f, v: f.__setitem__("import/attributes", h5py.ExternalLink(v, "/weights")),
        ),
        "attributes in import is a link to elsewhere",
    ),
    "a column in another file": (
        replaced(
            "import/attributes",
            lambda f, v: contiguous(f, "import/attributes", np.zeros((40, 2), "<f4"), v),
        ),
        "another file|not contiguous",
    ),
    "a column in chunks": (
        replaced(
            "import/attributes",
            lambda f, v: (
                f.create_dataset("import/attributes", data=np.zeros((40, 2), "<f4"), chunks=(8, 2)) and None
            ),
        ),
        "import/attributes is not contiguous",
    ),
}
"""Shards of imported records with attributes, made whole, then changed."""

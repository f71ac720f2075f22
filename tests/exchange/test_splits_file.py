"""Lists of paths by split: of any machine, complete, each file once."""

from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import SourceError
from neuralviews.exchange.files import Files
from neuralviews.exchange.format import Hints
from neuralviews.exchange.splits_file import assigned, found_splits, last_parts, split_lists, spread, unlisted
from neuralviews.records import NO_LABEL, Split
from neuralviews.signals.file_tree import FolderTree

NAMES = ("set/a/1.pth", "set/a/2.pth", "set/b/1.pth")


def test_both_ways_to_write_them() -> None:
    plain = split_lists({"train": ["x", "y"], "test": []}, "s.json")
    assert plain == {Split.train: [("x", NO_LABEL), ("y", NO_LABEL)], Split.test: []}
    table = split_lists({"val": {"path": ["x", "y"], "label": ["3", 4]}}, "s.json")
    assert table == {Split.val: [("x", 3), ("y", 4)]}


LABELS = "expected labels that are whole numbers from 0"
LISTS = "expected lists of paths by split: train, val, test"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], f"s.json: found list, {LISTS}"),
        ({}, f"s.json: found [], {LISTS}"),
        ({"train": [], "valid": []}, f"s.json: found ['train', 'valid'], {LISTS}"),
        ({"train": 3}, "s.json: train: expected a list of paths, or a table of path and label"),
        ({"train": ["x", 3]}, "s.json: train: expected a list of paths, or a table of path and label"),
        ({"test": {"paths": []}}, "s.json: test: expected a list of paths, or a table of path and label"),
        ({"val": {"path": ["x"], "label": []}}, "s.json: val: expected as many labels as its 1 paths"),
        ({"val": {"path": ["x"], "label": 3}}, "s.json: val: expected as many labels as its 1 paths"),
        *(
            ({"val": {"path": ["x"], "label": [label]}}, f"s.json: val: {LABELS}")
            for label in (
                "dog",
                "",
                None,
                True,
                3.7,
                float("inf"),
                -1,
                "-1",
                10**7,
                "\N{ARABIC-INDIC DIGIT ONE}",
            )
        ),
    ],
)
def test_anything_else_is_refused(value: Any, message: str) -> None:
    with pytest.raises(SourceError) as error:
        split_lists(value, "s.json")
    assert str(error.value) == message


@pytest.mark.parametrize("start", ["", "/home/x/set/", "..\\data\\", "C:\\set\\"])
def test_only_the_last_parts_count(start: str) -> None:
    """The paths are those of whoever made the lists, on Windows too."""
    path = f"{start}a/1.pth" if "\\" not in start else f"{start}a\\1.pth"
    found = assigned({Split.val: [(path, 3)]}, NAMES, last_parts(2), "s.json")
    assert found == {"set/a/1.pth": (Split.val, 3)}
    assert unlisted(NAMES, found) == dict.fromkeys(NAMES[1:], "no list of splits names it")
    assert unlisted(NAMES, {}) == {}


def test_files_that_are_not_there() -> None:
    pairs = [(f"/x/a/{number}.pth", NO_LABEL) for number in range(1, 8)]
    with pytest.raises(SourceError) as error:
        assigned({Split.train: pairs}, NAMES, last_parts(2), "s.json")
    assert str(error.value) == (
        "s.json: names 5 of 7 files that are not there (/x/a/3.pth, /x/a/4.pth, /x/a/5.pth ...); "
        "give all files, or lists of those that there are"
    )


def test_a_file_twice() -> None:
    lists = {Split.train: [("a/1.pth", NO_LABEL)], Split.test: [("/x/a/1.pth", NO_LABEL)]}
    with pytest.raises(SourceError) as error:
        assigned(lists, NAMES, last_parts(2), "s.json")
    assert str(error.value) == "s.json: names /x/a/1.pth twice, expected each file in one place"


def test_files_that_the_lists_cannot_tell_apart() -> None:
    with pytest.raises(SourceError) as error:
        assigned({}, NAMES, last_parts(1), "s.json")
    assert str(error.value) == (
        "s.json: cannot tell set/a/1.pth from set/b/1.pth, expected one file that ends in 1.pth: "
        "take one of them away"
    )


def test_paths_without_key_are_of_no_file() -> None:
    def key(path: str) -> str | None:
        return None if path.endswith("2.pth") else path

    assert assigned({Split.val: [(NAMES[0], 1)]}, NAMES, key, "s.json") == {NAMES[0]: (Split.val, 1)}
    with pytest.raises(SourceError, match=r"names 1 of 1 files that are not there \(set/a/2\.pth\)"):
        assigned({Split.val: [(NAMES[1], 1)]}, NAMES, key, "s.json")


def test_splits_are_of_objects() -> None:
    objects = {"v0/1": 1, "v1/1": 1, "v0/2": 2, "v1/2": 2}
    splits = {"v0/1": (Split.val, NO_LABEL)}
    assert spread(splits, objects) == {"v0/1": (Split.val, NO_LABEL), "v1/1": (Split.val, NO_LABEL)}
    assert spread({}, objects) == {}
    torn = {"v0/1": (Split.val, NO_LABEL), "v1/1": (Split.test, NO_LABEL)}
    assert spread(torn, objects) == torn, "it is for the listing to refuse"


class TestAmongFiles:
    def files(self, root: Path, **texts: str) -> Files:
        for name in NAMES:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(b"")
        for name, text in texts.items():
            (root / "set" / f"{name}.json").write_text(text)
        return Files(FolderTree(root, "fields"))

    def test_the_one_file_of_lists(self, tmp_path: Path) -> None:
        files = self.files(tmp_path, mnist_splits='{"val": ["a/1.pth"]}', other="{}")
        found = found_splits(files, Hints(), NAMES, last_parts(2))
        assert found == ({"set/a/1.pth": (Split.val, NO_LABEL)}, ("set/mnist_splits.json",))

    def test_no_lists(self, tmp_path: Path) -> None:
        assert found_splits(self.files(tmp_path), Hints(), NAMES, last_parts(2)) == ({}, ())

    def test_given_ones_come_first(self, tmp_path: Path) -> None:
        files = self.files(tmp_path, splits="no JSON", split="no JSON")
        given = Hints(splits=({"test": ["b/1.pth"]}, "given.json"))
        assert found_splits(files, given, NAMES, last_parts(2)) == ({"set/b/1.pth": (Split.test, -1)}, ())

    def test_several(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError) as error:
            found_splits(self.files(tmp_path, splits="{}", my_split="{}"), Hints(), NAMES, last_parts(2))
        assert str(error.value) == (
            f"{tmp_path}: found set/my_split.json and set/splits.json, expected one list of splits: "
            "name one with --splits"
        )

    def test_no_json(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"/set/splits\.json: not JSON \(.*\); replace the file"):
            found_splits(self.files(tmp_path, splits="{"), Hints(), NAMES, last_parts(2))

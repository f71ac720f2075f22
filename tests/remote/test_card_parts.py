"""The card of a part of a store: the command that takes it from the whole, where there is one."""

import re
from pathlib import Path

import pytest

from neuralviews.cli.main import main
from neuralviews.remote.facts import release_facts
from neuralviews.remote.selection import Selection
from neuralviews.remote.subset import download_subset
from neuralviews.store.reader import Store, open_store

from ..report.copies import augmented
from ..subsets import subset_of
from .cards import card_of


class TestPart:
    """The card of some records of a store says how to take them from it."""

    def test_the_command_makes_the_part_again(self, shipped_digits: Store, tmp_path: Path) -> None:
        selection = Selection(split="train", views=1)
        report = download_subset(str(shipped_digits.root), tmp_path / "part", selection)
        facts = release_facts(open_store(tmp_path / "part"))
        assert (facts.subset, facts.derivations) == (True, (selection,))
        card = card_of(facts)
        assert f"- A part of dataset {shipped_digits.dataset_id}: not all of its records are here.\n" in card
        found = re.search(r"--out STORE\nneuralviews download STORE (.*) --out PART\n```", card)
        assert found is not None
        again = [
            "download",
            shipped_digits.root,
            *found[1].split(),
            "--out",
            tmp_path / "again",
            "--workers",
            1,
        ]
        with pytest.raises(SystemExit, match=r"^0$"):
            main(list(map(str, again)))
        assert open_store(tmp_path / "again").dataset_id == report.dataset_id

    def test_copies_of_a_part(self, shipped_digits: Store, tmp_path: Path) -> None:
        download_subset(str(shipped_digits.root), tmp_path / "part", Selection(first_shards=1))
        facts = release_facts(augmented(open_store(tmp_path / "part"), tmp_path / "copies"))
        assert not facts.subset
        card = card_of(facts)
        assert (
            "\nneuralviews download STORE --first-shards 1 --out PART-1\n"
            "neuralviews augment PART-1 --plan plan.toml --out COPIES\n" in card
        )
        assert f"- from the generated store digits, dataset {shipped_digits.dataset_id}\n" in card
        assert "- from the partial store digits, dataset" in card

    @pytest.mark.parametrize("selection", [{"split": "train"}, {"split": "all", "views": 1}, "train", None])
    def test_a_part_that_no_option_takes(
        self, shipped_digits: Store, tmp_path: Path, selection: object
    ) -> None:
        part = subset_of(shipped_digits, [0, 3], tmp_path / "part", selection=selection)
        card = card_of(release_facts(part))
        assert "\n# PART: some of the records of STORE\n```\n" in card
        assert "the job does not state as an option.\n" in card
        assert "this makes the same bytes again" not in card

"""What can be refused before any field is read."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import OptionError, OutputError, SpecError
from neuralviews.exchange import run as run_module
from neuralviews.exchange.run import ImportOptions, import_store
from neuralviews.store.reader import Store

from .by_hand import write
from .published_sets import VIEWS
from .stacked_sets import layer_arrays, put


class TestBeforeAnyFieldIsRead:
    """What can be refused at once is not refused after minutes."""

    @pytest.fixture(autouse=True)
    def no_survey(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def survey(*_: object, **__: object) -> None:
            raise AssertionError("the files were read")

        monkeypatch.setattr(run_module, "survey", survey)

    @pytest.mark.parametrize(
        ("given", "error", "message"),
        [
            ({"omega": -3.0}, SpecError, r"omega: found -3\.0, expected a positive number"),
            ({"omega": np.nan}, SpecError, "omega: found nan, expected a positive number"),
            ({"output_scale": 0.0}, SpecError, r"output_scale: found 0\.0, expected a positive number"),
            ({"output_offset": np.inf}, SpecError, "expected finite numbers up to"),
            ({"target_range": (1.0, 1.0)}, SpecError, "target_range: found 1 to 1, expected low below high"),
        ],
    )
    def test_impossible_conventions(
        self, tmp_path: Path, given: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        """Even before the files are opened: there are none."""
        with pytest.raises(error, match=message):
            import_store(tmp_path / "nowhere", tmp_path / "store", ImportOptions(**given))

    def test_a_convention_that_nobody_states(self, tmp_path: Path) -> None:
        put(tmp_path / "set", "npz", layer_arrays())
        with pytest.raises(OptionError, match="omega: neither the format nor the files say it; give --omega"):
            import_store(tmp_path / "set", tmp_path / "store")

    def test_a_folder_of_something_else(self, tmp_path: Path) -> None:
        write(tmp_path, {"mine/notes.txt": b"mine"})
        with pytest.raises(OutputError, match=r"mine: holds 'notes\.txt' and no job\.json; choose a new"):
            import_store(tmp_path / "nowhere", tmp_path / "mine")

    def test_a_folder_of_another_job(self, store: Store, folder: Path) -> None:
        message = r"store: belongs to another job \(exchange: there 'npz', here 'multiview'\); choose another"
        with pytest.raises(OutputError, match=message):
            import_store(folder, store.root, VIEWS)

"""The folder of an evaluation: which evaluation it is of, a file for every finished run, and the results."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ..errors import FormatError, OutputError
from ..store.canonical import canonical_json, parse_canonical, sha256_hex
from ..store.environment import describe_environment, write_environment
from ..store.files import (
    DifferentBytes,
    is_leftover,
    make_folder,
    output_errors,
    publish,
    read_whole,
    remove_leftovers,
    replace,
)
from ..store.schema import MAX_JSON_BYTES
from .results import RESULTS_FILE, TIMES_FILE, Evaluation, Run, Times, csv_text

__all__ = ["EVALUATION_FILE", "RUN_FOLDER", "EvaluationFolder", "Finished", "present_versions"]

EVALUATION_FILE, RUN_FOLDER = "evaluation.json", "runs"
_VERSIONS = ("neuralviews", "torch", "numpy", "numba", "scikit-learn")


class Finished(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a run's file."""

    run: Run
    times: Times


@dataclass(frozen=True)
class EvaluationFolder:
    """Finished runs are kept for good, so that an interrupted evaluation goes on where it was.

    Args:
        dataset_id, settings, versions: of the store, of all runs, of packages; the folder is of these alone.
    """

    root: Path
    dataset_id: str
    settings: Mapping[str, Any]
    versions: Mapping[str, str | None]

    def claim(self) -> None:
        """Make the folder, or find that it is of this very evaluation.

        Raises:
            OutputError: it holds something else, or an evaluation of another store or with other settings.
            FormatError: what it says that it is of is damaged.
        """
        shared = {"dataset_id": self.dataset_id, "settings": self.settings, "versions": self.versions}
        content = canonical_json({"format": "neuralviews-evaluation", "format_version": 1, **shared})
        if self._is_strange():
            raise OutputError(
                f"{self.root}: holds something that is no evaluation; choose an empty folder, or a new one"
            )
        make_folder(self.root)
        try:
            publish(self.root, EVALUATION_FILE, [content], sha256_hex(content))
        except DifferentBytes:
            if any((self.root / RUN_FOLDER).glob("*.json")):
                raise OutputError(f"{self.root}: {self._difference()}; choose another --out") from None
            replace(self.root, EVALUATION_FILE, content)  # nothing came of what was asked before
        make_folder(self.root / RUN_FOLDER)  # after the file that says what it is of, wherever a kill hits
        remove_leftovers(self.root)
        remove_leftovers(self.root / RUN_FOLDER)

    def finished(self, name: str) -> Finished | None:
        """A run that is there.

        Raises:
            FormatError: its file is not what was written, or that of another run.
        """
        path = self.root / RUN_FOLDER / f"{name}.json"
        if not path.exists():
            return None
        data = read_whole(self.root, f"{RUN_FOLDER}/{name}.json", MAX_JSON_BYTES)
        try:
            found = msgspec.convert(parse_canonical(data, path), Finished)
        except msgspec.ValidationError as error:
            raise FormatError(f"{path}: {error}; remove the file, the run is then made again") from None
        except FormatError:
            raise FormatError(
                f"{path}: damaged or edited; remove the file, the run is then made again"
            ) from None
        if found.run.id != name:
            raise FormatError(
                f"{path}: holds run {found.run.id}; remove the file, the run is then made again"
            )
        return found

    def keep(self, found: Finished) -> None:
        """Publish a run; of two processes that made the same one, the first to be there is kept."""
        data = canonical_json(msgspec.to_builtins(found))
        with suppress(DifferentBytes):
            publish(self.root, f"{RUN_FOLDER}/{found.run.id}.json", [data], sha256_hex(data))

    def write(self, name: str, data: bytes) -> None:
        """Write or replace a file that follows from the runs."""
        replace(self.root, name, data)

    def conclude(self, evaluation: Evaluation) -> None:
        """Write the results, as JSON, as a table and as pictures; those of an earlier grid go."""
        from .plots import AXES, KINDS, pictures
        from .table import markdown

        files = {
            TIMES_FILE: canonical_json(msgspec.to_builtins(evaluation.times)),
            "results.csv": csv_text(evaluation).encode(),
            "results.md": markdown(evaluation).encode(),
            **pictures(evaluation),
            RESULTS_FILE: canonical_json(evaluation.document()),
        }
        for name, data in files.items():
            self.write(name, data)
        for name in (f"{axis}.{kind}" for axis in AXES for kind in KINDS):
            if name not in files:
                with output_errors(self.root / name):
                    (self.root / name).unlink(missing_ok=True)
        write_environment(self.root, describe_environment())

    def _is_strange(self) -> bool:
        """Whether the folder is in other use; what a killed process left of its claim is not."""
        with output_errors(self.root):
            if not self.root.is_dir() or (self.root / EVALUATION_FILE).exists():
                return False
            return not all(is_leftover(entry.name) for entry in self.root.iterdir())

    def _difference(self) -> str:
        path = self.root / EVALUATION_FILE
        found = parse_canonical(read_whole(self.root, EVALUATION_FILE, MAX_JSON_BYTES), path)
        tables = [found, *map(found.get, ("settings", "versions"))] if isinstance(found, dict) else [found]
        if not all(isinstance(table, dict) for table in tables):
            raise FormatError(f"{path}: damaged or edited; restore the file, or choose another --out")
        if found.get("dataset_id") != self.dataset_id:
            return f"an evaluation of dataset {str(found.get('dataset_id'))[:16]}, not of this store"
        for then, now, word in (
            (found["settings"], self.settings, "is asked for"),
            (found["versions"], self.versions, "is installed"),
        ):
            for name in now:
                if then.get(name) != now[name]:
                    return f"an evaluation with {name} {then.get(name)}, and {now[name]} {word}"
        return "an evaluation with other settings"


def present_versions() -> dict[str, str | None]:
    """Of the packages that accuracies depend on."""
    packages = describe_environment()["packages"]
    return {name: packages[name] for name in _VERSIONS}

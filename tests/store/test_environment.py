import json
import os
from pathlib import Path

from neuralviews.store.environment import describe_environment, write_environment
from neuralviews.store.verify import verify

from .stores import copy_store


def test_it_names_versions_and_not_the_machine() -> None:
    found = describe_environment()
    assert found["packages"]["neuralviews"]
    assert found["cpus"] == os.cpu_count()
    assert set(found) == {"cpus", "machine", "packages", "processor", "python", "system"}
    assert str(Path.home()) not in json.dumps(found)


def test_it_may_change_and_nothing_depends_on_it(finished: Path, tmp_path: Path) -> None:
    root = copy_store(finished, tmp_path / "store")
    identity = verify(root, "semantic").dataset_id
    for environment in ({"a": 1}, {"b": 2}):
        write_environment(root, environment)
        assert json.loads((root / "environment.json").read_bytes()) == environment
        assert verify(root, "semantic").dataset_id == identity

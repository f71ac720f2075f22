"""A `sitecustomize` that makes some records of a run kill whatever worker process fits them."""

from pathlib import Path

_PROGRAM = """
import importlib.util, os, signal, sys

class _Finder:
    def find_spec(self, name, path=None, target=None):
        if name != "neuralviews.fit.maker":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module
        def load_and_poison(module):
            load(module)
            poison(module.FieldMaker)
        spec.loader.exec_module = load_and_poison
        return spec

def poison(maker):
    from neuralviews.work.process import in_worker
    opened = maker.open
    def open_poisoned(self, job):
        fit = opened(self, job)
        def poisoned(rows, progress):
            wanted = [int(row) for row in os.environ["POISONED_RECORDS"].split(",")]
            if in_worker() and any(row in rows for row in wanted):
                os.kill(os.getpid(), signal.SIGKILL)
            return fit(rows, progress)
        return poisoned
    maker.open = open_poisoned

sys.meta_path.insert(0, _Finder())
"""


def poisoned(folder: Path, *records: int) -> dict[str, str]:
    """The environment in which these records kill."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(_PROGRAM)
    return {"PYTHONPATH": str(folder), "POISONED_RECORDS": ",".join(map(str, records))}

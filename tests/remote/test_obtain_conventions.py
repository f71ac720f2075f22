"""Conventions of published sets: the registry's count where the format has others and files say none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.exchange.export import export
from neuralviews.fit.stated_import import stated_import
from neuralviews.remote import obtain
from neuralviews.remote.published import find_published
from neuralviews.remote.published_schema import Convention
from neuralviews.store.reader import Store, open_store

from .fault_server import FaultServer
from .obtaining import FILE, Describe, run


class TestConventions:
    def stated(self, describe: Describe, out: Path, **convention: Any) -> dict[str, tuple[Any, str]]:
        describe(convention=Convention(**convention))
        run(out)
        store = open_store(out)
        found = stated_import(store)
        spec = store.spec
        return {
            "omega": (spec.omega[0], found.convention["omega"]),
            "axis_order": (spec.axis_order, found.convention["axis_order"]),
            "output_offset": (spec.output_offset, found.convention["output_offset"]),
            "output_scale": (spec.output_scale, found.convention["output_scale"]),
            "target_range": (found.target.range, found.convention["target_range"]),
        }

    def test_those_of_the_registry_count_where_the_format_has_others(
        self, describe: Describe, tmp_path: Path
    ) -> None:
        assert self.stated(
            describe,
            tmp_path / "out",
            omega=20.0,
            axis_order="ij",
            output_offset=0.5,
            output_scale=2.0,
            output="values",
            target_range=((-1.0, 1.0),),
        ) == {
            "omega": (20.0, "given"),
            "axis_order": ("ij", "given"),
            "output_offset": (0.5, "format"),
            "output_scale": (2.0, "given"),
            "target_range": ((-1.0, 1.0), "given"),
        }

    def test_unknown_ones_and_ends_of_logits_are_left_to_the_format(
        self, describe: Describe, tmp_path: Path
    ) -> None:
        found = self.stated(
            describe, tmp_path / "out", axis_order="none", output="logits", target_range=((1.0, 0.0),)
        )
        assert {origin for _, origin in found.values()} == {"format"}

    def test_files_that_say_it_themselves_are_believed(
        self, describe: Describe, web: FaultServer, fields: Store, tmp_path: Path
    ) -> None:
        export(fields, np.arange(len(fields)), "dwsnets", tmp_path / "noted.zip")
        web.files[FILE] = (tmp_path / "noted.zip").read_bytes()
        found = self.stated(describe, tmp_path / "out", omega=20.0, axis_order="ij", output_scale=2.0)
        assert {origin for _, origin in found.values()} == {"files"}

    @pytest.mark.parametrize("name", ["mnist-dwsnets", "fashion-mnist-dwsnets"])
    def test_the_registry_agrees_with_the_format(self, describe: Describe, tmp_path: Path, name: str) -> None:
        described = describe(convention=find_published(name).convention)
        run(tmp_path / "out")
        assert obtain._differing(described, tmp_path / "out.download" / FILE, tmp_path / "out") == {}

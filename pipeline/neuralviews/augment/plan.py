"""Plans: a TOML file from which, with a parent store, every byte of an augmented store follows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import msgspec
from msgspec import Meta, Struct

from ..errors import OptionError, PlanError, RecipeError
from ..recipe_errors import convert, nearest, read_toml
from ..records import Split
from ..store.canonical import canonical_json, sha256_hex
from .compose import Compose
from .registry import build, describe

__all__ = ["MAX_COPIES", "Pipeline", "Plan", "Reject", "load_plan", "plan_names"]

MAX_COPIES = 65_536
_SHOWN = 80
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_Count = Annotated[int, Meta(ge=1, le=MAX_COPIES, description=f"a whole number from 1 to {MAX_COPIES}")]
_Struct = TypeVar("_Struct", bound=Struct)
_Text = Annotated[str, Meta(description="text")]
_Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1, description="a whole number of 64 bits")]


class Reject(Struct, frozen=True, forbid_unknown_fields=True):
    """When a copy is drawn anew, and given up if it fails each time.

    Args:
        min_psnr: dB that a copy must reach against what it should render; None takes all.
        min_share: least share that either parent must have in a mix.
        attempts: how often a copy is drawn.
    """

    min_psnr: Annotated[float, Meta(ge=-200, le=200, description="dB from -200 to 200")] | None = None
    min_share: Annotated[float, Meta(ge=0, lt=0.5, description="a number from 0 to below 0.5")] = 0.0
    attempts: Annotated[int, Meta(ge=1, le=1000, description="a whole number from 1 to 1000")] = 4


class _PipelineTable(Struct, frozen=True, forbid_unknown_fields=True):
    name: _Text
    steps: Annotated[
        list[dict[str, Any]],
        Meta(min_length=1, description='a list of operations such as { op = "sign_flip" }'),
    ]


class _Document(Struct, frozen=True, forbid_unknown_fields=True):
    name: _Text
    pipelines: Annotated[
        list[dict[str, Any]],
        Meta(min_length=1, max_length=1000, description="1 to 1000 tables [[pipelines]]"),
    ]
    title: _Text = ""
    seed: _Integer = 0
    copies: _Count = 1
    splits: Annotated[
        tuple[Literal["train", "val", "test"], ...],
        Meta(min_length=1, description="a list of 'train', 'val' or 'test'"),
    ] = ("train",)
    views: Annotated[
        _Count | Literal["all"], Meta(description=f"'all' or a whole number from 1 to {MAX_COPIES}")
    ] = "all"
    reject: Reject = Reject()


@dataclass(frozen=True)
class Pipeline:
    """One way to make copies: its name and its steps."""

    name: str
    steps: Compose


@dataclass(frozen=True)
class Plan:
    """A checked plan: equal digests and equal parents mean equal augmented stores.

    Args:
        pipelines: each makes ``copies`` copies of every parent.
        splits: of the parents; a copy stays in the split of its parents.
        views: views numbered below this are parents; None for all.
    """

    name: str
    title: str
    seed: int
    copies: int
    splits: tuple[Split, ...]
    views: int | None
    reject: Reject
    pipelines: tuple[Pipeline, ...]

    @classmethod
    def checked(cls, table: Mapping[str, Any], where: str) -> Self:
        """Check a plan's table.

        Raises:
            PlanError: names the place, the key, what was found and what was expected.
        """
        document = _convert(table, _Document, where)
        pipelines = tuple(_pipeline(p, f"{where}: pipelines[{i}]") for i, p in enumerate(document.pipelines))
        names = [document.name, *(pipeline.name for pipeline in pipelines)]
        for name in names:
            if not _NAME.fullmatch(name):
                raise PlanError(
                    f"{where}: name: found {name[:_SHOWN]!r}, expected lower-case letters, digits and '-', "
                    "64 at most"
                )
        for key, values in (("pipelines", names[1:]), ("splits", document.splits)):
            if len({*values}) != len(values):
                raise PlanError(f"{where}: {key}: found {', '.join(values)}; give each once")
        return cls(
            document.name,
            document.title,
            document.seed,
            document.copies,
            tuple(sorted(Split[name] for name in document.splits)),
            None if document.views == "all" else document.views,
            document.reject,
            pipelines,
        )

    def with_options(
        self, copies: int | None = None, seed: int | None = None, splits: tuple[str, ...] = ()
    ) -> "Plan":
        """The same plan with what the caller chose instead; None and () keep what the plan says."""
        changes = {"copies": copies, "seed": seed, "splits": list(splits) or None}
        table = self.canonical() | {key: value for key, value in changes.items() if value is not None}
        return replace(type(self).checked(table, f"plan {self.name}"), title=self.title)

    def canonical(self) -> dict[str, Any]:
        """Everything in the plan that decides a byte, as plain JSON values, all defaults filled in."""
        return {
            "name": self.name,
            "seed": self.seed,
            "copies": self.copies,
            "splits": [split.name for split in self.splits],
            "views": self.views or "all",
            "reject": msgspec.to_builtins(self.reject),
            "pipelines": [
                {"name": pipeline.name, "steps": [describe(step) for step in pipeline.steps.steps]}
                for pipeline in self.pipelines
            ],
        }

    def digest(self) -> str:
        """sha256 of the canonical form."""
        return sha256_hex(canonical_json(self.canonical()))


def plan_names() -> tuple[str, ...]:
    """Names of the plans that come with neuralviews, sorted."""
    return tuple(sorted(path.stem for path in _plan_folder().glob("*.toml")))


def load_plan(name_or_path: str | Path) -> Plan:
    """Read and check a plan: by name, or from a path (anything that ends in .toml or holds a slash).

    Raises:
        PlanError: no such plan or file, bad TOML, an unknown operation or setting, or an impossible value.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith(".toml") or "/" in text:
        path, where = Path(name_or_path), text
    elif text in plan_names():
        path, where = _plan_folder() / f"{text}.toml", f"plan {text}"
    else:
        names = plan_names()
        raise PlanError(
            f"no plan is named {text!r}{nearest(text, names) or ';'} there are {', '.join(names)}; "
            "the path of a plan of your own ends in .toml"
        )
    try:
        table = read_toml(path, where, "a plan")
    except RecipeError as error:
        raise PlanError(str(error)) from None
    return Plan.checked(table, where)


def _plan_folder() -> Path:
    return Path(str(files(__package__))) / "plans"


def _convert(table: Mapping[str, Any], kind: type[_Struct], where: str) -> _Struct:
    try:
        return convert(table, kind, where)
    except RecipeError as error:
        raise PlanError(str(error)) from None


def _pipeline(content: Mapping[str, Any], where: str) -> Pipeline:
    table = _convert(content, _PipelineTable, where)
    steps = [build(step, f"{where}.steps[{index}]") for index, step in enumerate(table.steps)]
    try:
        return Pipeline(table.name, Compose(steps))
    except OptionError as error:
        raise PlanError(f"{where}.steps: {error}") from None

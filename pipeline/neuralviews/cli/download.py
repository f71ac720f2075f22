"""``neuralviews download``: published sets, releases, and parts of them, as stores on this machine."""

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import OptionError, printable
from .import_fields import told
from .runs import completed, resumable
from .text import bytes_text

if TYPE_CHECKING:
    from ..remote.obtain import Obtained

__all__ = ["command"]

_LINK = re.compile(r"[/:]")


@click.command()
@click.argument("what", required=False)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of the store; run again to resume, or to prove it."
)
@click.option("--list", "listing", is_flag=True, help="Show the sets that others published.")
@click.option("--json", "as_json", is_flag=True, help="With --list: everything about them as JSON.")
@click.option("--about", is_flag=True, help="Show everything known of the set WHAT.")
@click.option("--id", "dataset_id", metavar="DATASET_ID", help="Refuse any other dataset.")
@click.option("--split", type=click.Choice(("train", "val", "test")), help="Only records of this split.")
@click.option("--views", type=click.IntRange(1, 65536), help="Only each object's views numbered below this.")
@click.option("--first-shards", type=click.IntRange(1), help="Only records of the first so many shards.")
@click.option("--from", "kind", help="Import the files as this format of another program; auto guesses.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Processes that work at the same time.  [default: one a core]",
)
def command(
    what: str | None,
    out: Path | None,
    listing: bool,
    as_json: bool,
    about: bool,
    dataset_id: str | None,
    split: str | None,
    views: int | None,
    first_shards: int | None,
    kind: str | None,
    workers: int | None,
) -> None:
    """Fetch WHAT, prove every byte, and make a store of it.

    WHAT is the name of a set (see --list), or the folder of a release: a path, https://, hf://owner/name[@rev]
    or doi:10.5281/zenodo.N. With --split, --views or --first-shards only the shards that are needed are
    fetched, and a store is made of the records. With --from, WHAT is an archive of fields.
    """
    part = {"--split": split, "--views": views, "--first-shards": first_shards}
    if listing or about:
        _require_none(
            "--list" if listing else "--about",
            {"--out": out, "--id": dataset_id, **part, "--from": kind, "--workers": workers},
        )
        click.echo(_told_of_sets(what, listing, as_json))
        return
    if as_json:
        raise click.UsageError("--json goes with --list")
    if what is None or out is None:
        raise click.UsageError(f"expected {'WHAT' if what is None else '--out'}, or --list")
    is_link = _is_link(what)
    if kind is not None or not is_link:
        for option, value in {"--id": dataset_id, **part}.items():
            if value is not None:
                raise OptionError(f"{option}: goes with a release alone, not with fields that are imported")
        with _kept(out):
            _import(what, kind, out, workers)
    elif any(value is not None for value in part.values()):
        with _kept(out):
            _subset(what, out, dataset_id, (split, views, first_shards), workers)
    else:
        if workers is not None:
            raise click.UsageError(
                "--workers goes with a part of a release, or with fields that are imported"
            )
        with resumable(out):
            _release(what, out, dataset_id)


def _require_none(alone: str, others: Mapping[str, object]) -> None:
    """Refuse options that would have no effect beside another."""
    given = [option for option, value in others.items() if value is not None]
    if given:
        raise click.UsageError(f"{given[0]} does not go with {alone}, which only prints")


def _is_link(what: str) -> bool:
    """Whether it leads somewhere; otherwise it is the name of a set."""
    from ..remote.published import published_names

    if _LINK.search(what) or not Path(what).exists():
        return _LINK.search(what) is not None
    if what in published_names():
        raise OptionError(f"{what}: a set has this name, and so has a folder here; for the folder: ./{what}")
    return True


def _told_of_sets(name: str | None, listing: bool, as_json: bool) -> str:
    from .published_table import published_json, published_table, published_text

    if listing and name is not None:
        raise click.UsageError(f"--list shows all sets; for one of them: {name} --about")
    if listing:
        return published_json() if as_json else published_table()
    if name is None or as_json:
        raise click.UsageError("--about prints what is known of one set; expected its name and nothing else")
    return published_text(name)


@contextmanager
def _kept(out: Path) -> Iterator[None]:
    """Say what stays beside a store after an interruption."""
    from ..remote.site import download_folder

    folder = download_folder(out)
    with resumable(out):
        try:
            yield
        except KeyboardInterrupt:
            if folder.exists():
                click.echo(f"what was fetched is kept in {folder}", err=True)
            raise


def _release(link: str, out: Path, dataset_id: str | None) -> None:
    from ..remote.patience import Patience
    from ..remote.release import download_release

    done = download_release(link, out, dataset_id=dataset_id, patience=Patience(tell=True))
    click.echo(
        f"{out}: {done.files:,} files, {bytes_text(done.bytes)}, {done.records:,} records; every byte proven"
    )
    if not done.released:
        click.echo("no SHA256SUMS.release lies there, so only the files of the store were fetched")
    click.echo(completed(out, done.fetched, "shards fetched", 0, done.dataset_id))


def _subset(
    link: str,
    out: Path,
    dataset_id: str | None,
    conditions: tuple[str | None, int | None, int | None],
    workers: int | None,
) -> None:
    from ..remote.patience import Patience
    from ..remote.selection import Selection
    from ..remote.subset import download_subset
    from ..work.shards import available_cpus

    count = workers or available_cpus()
    done = download_subset(
        link,
        out,
        Selection(*conditions),
        dataset_id=dataset_id,
        workers=count,
        progress=True,
        patience=Patience(tell=True),
    )
    click.echo(f"{out}: {done.records:,} records of dataset {done.whole_id}")
    click.echo(completed(out, done.made, "records copied", 0, done.dataset_id))


def _import(what: str, kind: str | None, out: Path, workers: int | None) -> None:
    from ..remote.obtain import import_link, import_published
    from ..remote.patience import Patience
    from ..work.shards import available_cpus

    count, patience = workers or available_cpus(), Patience(tell=True)
    if kind is None:
        obtained = import_published(what, out, workers=count, progress=True, patience=patience)
    else:
        obtained = import_link(what, kind, out, workers=count, progress=True, patience=patience)
    for line in _lines(obtained, out):
        click.echo(printable(line))
    report = obtained.report
    click.echo(completed(out, report.made, "fields imported", report.missing, report.dataset_id))


def _lines(obtained: "Obtained", out: Path) -> Iterator[str]:
    from ..remote.site import download_folder

    yield from obtained.notes
    yield from told(obtained.report)
    folder = shlex.quote(str(download_folder(out)))
    yield f"{obtained.path}: {bytes_text(obtained.bytes)} are kept; without need for them: rm -r {folder}"

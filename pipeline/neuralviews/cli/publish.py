"""``neuralviews publish``: from a store to a folder that is ready to be uploaded."""

from pathlib import Path

import click

from .runs import resumable
from .text import bytes_text

__all__ = ["command"]


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of the release; run again to resume.",
)
@click.option("--title", metavar="TEXT", help="One line for people.")
@click.option("--license", "licence", metavar="SPDX", help="Licence of the weights, such as CC-BY-4.0.")
@click.option("--source-license", metavar="TEXT", help="A sentence on the licence of the source.")
@click.option("--creator", "creators", multiple=True, metavar="NAME", help="Who made it; may be repeated.")
@click.option("--date", metavar="YYYY-MM-DD", help="Day of publication.")
@click.option("--url", metavar="BASE", help="Address below which the files will lie.")
@click.option("--to", metavar="hf://OWNER/NAME", help="Upload to the Hugging Face Hub.")
@click.option(
    "--source-root", type=click.Path(path_type=Path), help="Folder of the source's files, to draw them."
)
@click.option(
    "--parent", type=click.Path(path_type=Path), help="Store that copies were made from, to draw it."
)
def command(
    store: Path,
    out: Path,
    title: str | None,
    licence: str | None,
    source_license: str | None,
    creators: tuple[str, ...],
    date: str | None,
    url: str | None,
    to: str | None,
    source_root: Path | None,
    parent: Path | None,
) -> None:
    """Put STORE into a folder of its own, with all that a published dataset needs.

    The store is proven first, and stays as it is. Beside its files come a card, croissant.json, recipe,
    citation, a picture and checksums. Nothing is made up: what was not stated is said to be unknown.
    """
    from ..remote.publish import publish
    from ..remote.terms import Terms

    terms = Terms.checked(
        title=title,
        license=licence,
        source_license=source_license,
        creators=creators,
        date=date,
        url=url,
        to=to,
    )
    with resumable(out):
        release = publish(store, out, terms, source_root=source_root, parent=parent)
    click.echo(
        f"{out}: {release.files:,} files, {bytes_text(release.bytes)}, of dataset {release.dataset_id}"
    )
    for note in release.notes:
        click.echo(note)
    if terms.repository is not None:
        with resumable(out):
            _send(out, terms.repository)


def _send(out: Path, repository: str) -> None:
    from ..remote.hub_upload import has_client, hub_token, upload, upload_commands

    found = hub_token()
    if found is None:
        lacking = (
            "nobody is logged in to the Hub here"
            if has_client()
            else "huggingface_hub is not installed here (pip install 'neuralviews[hub]')"
        )
        click.echo(f"not uploaded: {lacking}; run")
        click.echo("\n".join(f"  {line}" for line in upload_commands(out, repository)))
    else:
        click.echo(f"uploaded to {upload(out, repository, found)}")

"""``neuralviews info``: what a store holds, from its manifest alone."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .text import bytes_text, table

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["command"]


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(store: Path, as_json: bool) -> None:
    """Say what STORE holds.

    Its id, recipe, field, counts and quality, from the manifest alone: no shard is opened.
    """
    from ..store.reader import open_store

    opened = open_store(store)
    facts = _facts(opened)
    click.echo(json.dumps(facts, indent=2) if as_json else f"{store}\n{_text(facts)}")


def _facts(store: "Store") -> dict[str, Any]:
    from ..fit.stated import stated_job
    from ..records import Split

    job, manifest = stated_job(store), store.manifest
    summary = manifest.summary
    return {
        "dataset_id": store.dataset_id,
        "name": job.name,
        "recipe": job.recipe.canonical(),
        "recipe_digest": job.recipe_digest,
        "limit": job.limit,
        "arithmetic": job.arithmetic,
        "field": store.spec.to_json(),
        "parameters": store.spec.parameters,
        "records": len(store),
        "objects": job.objects,
        "views": job.recipe.views,
        "splits": {
            part.name: {
                "records": summary.splits[part.name].records,
                "objects": summary.splits[part.name].objects,
            }
            for part in Split
        },
        "psnr": {"median": summary.psnr.median, "p05": summary.psnr.p05, "min": summary.psnr.min},
        "status": dict(summary.status),
        "shards": len(manifest.shards),
        "bytes": sum(shard.bytes for shard in manifest.shards),
        "source": store.job["source"],
    }


def _text(facts: dict[str, Any]) -> str:
    field, psnr = facts["field"], facts["psnr"]
    engine = dict(facts["arithmetic"])
    limit = "" if facts["limit"] is None else f", limited to {facts['limit']:,} objects"
    rows = [
        ("dataset id", facts["dataset_id"]),
        ("recipe", f"{facts['name']}, digest {facts['recipe_digest'][:16]}{limit}"),
        ("field", f"SIREN {'-'.join(map(str, field['dims']))}, {facts['parameters']:,} parameters"),
        (
            "output",
            f"{field['output_scale']:g} affine + {field['output_offset']:g}, "
            f"targets in {list(facts['recipe']['target']['range'])}, axis order '{field['axis_order']}'",
        ),
        ("omega", ", ".join(f"{omega:g}" for omega in field["omega"])),
        ("records", f"{facts['records']:,}: {facts['objects']:,} objects x {facts['views']} views"),
        *(
            (f"  {name}", f"{part['records']:,} of {part['objects']:,} objects")
            for name, part in facts["splits"].items()
            if part["records"]
        ),
        ("PSNR", f"median {psnr['median']:.2f} dB, 5 % below {psnr['p05']:.2f}, lowest {psnr['min']:.2f}"),
        ("status", ", ".join(f"{name} {count:,}" for name, count in facts["status"].items() if count)),
        ("engine", f"{engine.pop('engine')} ({', '.join(f'{k} {v}' for k, v in engine.items())})"),
        ("shards", f"{facts['shards']:,} files, {bytes_text(facts['bytes'])}"),
    ]
    return table(rows[0], rows[1:])

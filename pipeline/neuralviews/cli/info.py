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

    Its id, what it was made from, its field, counts and quality, from the manifest alone: no shard
    is opened.
    """
    from ..store.reader import open_store

    facts = _facts(open_store(store))
    click.echo(json.dumps(facts, indent=2) if as_json else f"{store}\n{_text(facts)}")


def _facts(store: "Store") -> dict[str, Any]:
    import msgspec

    from ..fit.facts import field_facts
    from ..records import Split
    from .info_copies import copies_facts
    from .info_origins import fields_facts, origin_facts
    from .info_shapes import shapes_facts

    manifest = store.manifest
    summary, origin = manifest.summary, origin_facts(store)
    source = origin.pop("source")
    return {
        "dataset_id": store.dataset_id,
        "kind": store.kind,
        **(copies_facts(store) if store.kind == "augment" else fields_facts(store)),
        **origin,
        "target_range": list(field_facts(store).target_range),
        "field": store.spec.to_json(),
        "parameters": store.spec.parameters,
        "records": len(store),
        "splits": {
            part.name: {
                "records": summary.splits[part.name].records,
                "objects": summary.splits[part.name].objects,
            }
            for part in Split
        },
        "psnr": None if summary.psnr is msgspec.UNSET else msgspec.to_builtins(summary.psnr),
        **(
            {}
            if summary.shadow_psnr is msgspec.UNSET
            else {"shadow_psnr": msgspec.to_builtins(summary.shadow_psnr)}
        ),
        "status": dict(summary.status),
        **shapes_facts(store),
        "shards": len(manifest.shards),
        "bytes": sum(shard.bytes for shard in manifest.shards),
        "source": source,
    }


def _text(facts: dict[str, Any]) -> str:
    from .info_copies import origin_rows, rejected_row
    from .info_origins import made_rows, subset_rows
    from .info_shapes import fitted_rows, quality_rows

    field, copies = facts["field"], facts["kind"] == "augment"
    rows = [
        ("dataset id", facts["dataset_id"]),
        *subset_rows(facts),
        *(origin_rows(facts) if copies else ()),
        *made_rows(facts),
        ("field", f"SIREN {'-'.join(map(str, field['dims']))}, {facts['parameters']:,} parameters"),
        (
            "output",
            f"{field['output_scale']:g} affine + {field['output_offset']:g}, "
            f"targets in {facts['target_range']}, axis order '{field['axis_order']}'",
        ),
        ("omega", ", ".join(f"{omega:g}" for omega in field["omega"])),
        *(fitted_rows(facts["recipe"]) if "recipe" in facts else ()),
        ("records", f"{facts['records']:,}: {_counted(facts)}"),
        *(
            (f"  {name}", f"{part['records']:,} of {part['objects']:,} objects")
            for name, part in facts["splits"].items()
            if part["records"]
        ),
        ("PSNR", _psnr(facts["psnr"]) + (", against what the copies should render" if copies else "")),
        *((("shadow PSNR", _psnr(facts["shadow_psnr"])),) if "shadow_psnr" in facts else ()),
        *(quality_rows(facts) if "shapes" in facts else ()),
        rejected_row(facts) if copies else ("status", _statuses(facts)),
        *((_engine(dict(facts["arithmetic"])),) if "arithmetic" in facts else ()),
        ("shards", f"{facts['shards']:,} files, {bytes_text(facts['bytes'])}"),
    ]
    return table(rows[0], rows[1:])


def _psnr(found: dict[str, float] | None) -> str:
    from ..report.wording import decibels

    if found is None:
        return "unknown; `neuralviews import --source-root` measures it"
    median, p05, least = (decibels(found[key], 2) for key in ("median", "p05", "min"))
    return f"median {median}, 5 % below {p05.removesuffix(' dB')}, lowest {least.removesuffix(' dB')}"


def _counted(facts: dict[str, Any]) -> str:
    if facts["kind"] == "augment":
        text = f"copies of {sum(part['objects'] for part in facts['splits'].values()):,} objects"
        rejected = facts["rejected"]
        return text + (f", {rejected:,} of them rejected, but counted in splits and PSNR" if rejected else "")
    if "views" not in facts or "subset" in facts:
        return f"fields of {facts['objects']:,} objects"
    return f"{facts['objects']:,} objects x {facts['views']} views"


def _statuses(facts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in facts["status"].items() if count)


def _engine(arithmetic: dict[str, Any]) -> tuple[str, str]:
    engine = arithmetic.pop("engine")
    return "engine", f"{engine} ({', '.join(f'{key} {value}' for key, value in arithmetic.items())})"

"""croissant.json: a release described in JSON-LD for search engines and loaders of datasets.

Source: the Croissant format specification, version 1.1, and its RAI vocabulary, version 1.0 (MLCommons).
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from ..records import Split
from ..store.schema import FORMAT_VERSION, WEIGHTS, column_path
from .citation import bibtex
from .columns import COLUMN_TEXTS, CROISSANT_TYPES, WEIGHTS_TEXT
from .facts import ReleaseFacts
from .responsible import responsible_statements
from .shipped import Shipped
from .terms import Terms
from .words import description, tags, title_of

__all__ = ["ReleasedFile", "croissant_text"]

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{
        name: f"cr:{name}"
        for name in (
            *("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field"),
            *("fileProperty", "fileObject", "fileSet", "format", "includes", "isArray", "isLiveDataset"),
            *(
                "jsonPath",
                "key",
                "md5",
                "parentField",
                "path",
                "recordSet",
                "references",
                "regex",
                "repeated",
            ),
            *("replace", "samplingRate", "separator", "source", "subField", "transform"),
        )
    },
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
}
_CONFORMS = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
_SHARDS = "shards"
_ENCODINGS = {
    ".h5": "application/x-hdf5",
    ".json": "application/json",
    ".md": "text/markdown",
    ".png": "image/png",
    ".toml": "application/toml",
    ".cff": "application/yaml",
}
_CREATOR = ["sc:Person", "sc:Organization"]
"""Both, as a publisher states names alone: validators take no wider type, and a guess may be wrong."""
_SPLIT_CLASSES = {"train": "cr:TrainingSplit", "val": "cr:ValidationSplit", "test": "cr:TestSplit"}


class ReleasedFile(NamedTuple):
    """A file of a release: its name with '/', and what it holds."""

    name: str
    bytes: int
    sha256: str


def croissant_text(
    facts: ReleaseFacts, terms: Terms, card: Shipped | None, files: Sequence[ReleasedFile]
) -> str:
    """The whole file.

    Without a base address, files are found beside croissant.json. The dataset's version follows from its
    id, so that other bytes are another version.

    Args:
        files: all of the release but this one and the checksums that are written after it.
    """
    title = title_of(facts, terms, card)
    table = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": facts.name,
        "alternateName": title,
        "description": description(facts),
        "conformsTo": _CONFORMS,
        "identifier": facts.dataset_id,
        "version": f"{FORMAT_VERSION}.0.0+{facts.dataset_id[:12]}",
        "keywords": tags(facts),
        "citeAs": bibtex(facts, terms, title),
        **_stated(terms),
        **responsible_statements(facts),
        "distribution": [*(_file(file, terms.base or "") for file in files), _shard_set()],
        "recordSet": list(_record_sets(facts)),
    }
    return json.dumps(table, indent=2, ensure_ascii=False) + "\n"


def _stated(terms: Terms) -> dict[str, Any]:
    """What the publisher stated; nothing stands in for what was not."""
    stated = {
        "license": terms.licence and (terms.licence.url or terms.licence.spdx),
        "url": terms.page,
        "datePublished": terms.date,
        "creator": [{"@type": _CREATOR, "name": name} for name in terms.creators] or None,
    }
    return {key: value for key, value in stated.items() if value is not None}


def _file(file: ReleasedFile, base: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file.name,
        "name": file.name,
        "contentUrl": base + file.name,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": _ENCODINGS.get(PurePosixPath(file.name).suffix, "text/plain"),
        "sha256": file.sha256,
    }


def _shard_set() -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": _SHARDS,
        "name": _SHARDS,
        "description": "HDF5 files whose datasets have a row for each record.",
        "encodingFormat": _ENCODINGS[".h5"],
        "includes": f"{_SHARDS}/*.h5",
    }


def _record_sets(facts: ReleaseFacts) -> Iterator[dict[str, Any]]:
    parts = [{"code": part.value, "name": part.name, "url": _SPLIT_CLASSES[part.name]} for part in Split]
    yield _listed("splits", ["cr:Split"], {"code": "cr:UInt8", "name": "sc:Text", "url": "sc:URL"}, parts)
    if facts.class_names:
        classes = [{"code": code, "name": name} for code, name in enumerate(facts.class_names)]
        yield _listed("classes", ["sc:Enumeration"], {"code": "cr:Int32", "name": "sc:Text"}, classes)
    layout = facts.layout
    fields = [_field("weights", WEIGHTS, "<f4", (facts.spec.parameters,), WEIGHTS_TEXT)]
    for name, dtype in layout.columns().items():
        field = _field(
            name, column_path(name), dtype.str, layout.column_shape(name, 1)[1:], COLUMN_TEXTS[name]
        )
        if name == "split":
            field["references"] = {"field": {"@id": "splits/code"}}
        if name == "label":
            field["dataType"] = [field["dataType"], "cr:Label"]
        fields.append(field)
    yield {
        "@type": "cr:RecordSet",
        "@id": "records",
        "name": "records",
        "description": description(facts),
        "key": {"@id": "records/record_id"},
        "field": fields,
    }


def _listed(name: str, kinds: list[str], types: dict[str, str], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A record set whose rows stand in the file itself."""
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "dataType": kinds,
        "key": {"@id": f"{name}/code"},
        "field": [
            {"@type": "cr:Field", "@id": f"{name}/{field}", "name": field, "dataType": kind}
            for field, kind in types.items()
        ],
        "data": [{f"{name}/{field}": value for field, value in row.items()} for row in rows],
    }


def _field(name: str, path: str, dtype: str, shape: tuple[int, ...], text: str) -> dict[str, Any]:
    array = {"isArray": True, "arrayShape": ",".join(map(str, shape))} if shape else {}
    return {
        "@type": "cr:Field",
        "@id": f"records/{name}",
        "name": name,
        "description": text,
        "dataType": CROISSANT_TYPES[dtype],
        **array,
        "source": {"fileSet": {"@id": _SHARDS}, "extract": {"column": path}},
    }

"""What is known of a published set, in words; what is not known is said to be unknown."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .text import bytes_text

if TYPE_CHECKING:
    from ..remote.published import Published
    from ..remote.published_schema import Convention, Fingerprint, Splits

__all__ = ["HEADER", "RIGHT", "facts", "row"]

HEADER = ("set", "field", "records", "size", "convention", "licence", "from", "import")
RIGHT = (2, 3)
"""Columns of numbers."""

_HOSTS = {
    "www.dropbox.com": "Dropbox",
    "drive.google.com": "Drive",
    "www.kaggle.com": "Kaggle",
    "huggingface.co": "the Hub",
    "doi.org": "Zenodo",
    "zenodo.org": "Zenodo",
    "github.com": "GitHub",
}
_OBTAINED = {
    "download": "neuralviews downloads it",
    "browser": "by hand",
    "e-mail": "by e-mail",
    "nothing": "not at all",
}
_LONG_DIMS = 2  # equal hidden widths in a row that a table writes once


def row(entry: "Published") -> tuple[str, ...]:
    """A line of the table with the columns of `HEADER`; ``?`` stands for what is unknown."""
    size = entry.about_bytes
    return (
        entry.name,
        _short_dims(entry.convention.dims) if entry.kind == "fields" else "-",
        "?" if isinstance(entry.records, str) else f"{entry.records:,}",
        "?" if isinstance(size, str) else f"~{bytes_text(size)}",
        _short_convention(entry.convention) if entry.kind == "fields" else "-",
        _short(entry.licence),
        _place(entry),
        "no" if entry.format == "none" else entry.format,
    )


def facts(entry: "Published") -> tuple[tuple[str, str], ...]:
    """(what, text) of everything that the registry says, in the order in which one asks."""
    paper, convention = entry.publication, entry.convention
    return (
        ("what", f"{entry.kind} of {entry.signals}"),
        ("paper", f"{', '.join(paper.authors)}: {paper.title} ({paper.venue} {paper.year}), {paper.url}"),
        ("code", f"{paper.code}, licence {paper.code_licence}"),
        ("licence", f"{entry.licence} (of the data)"),
        ("to be had", _OBTAINED[entry.by] + (f": {entry.obtain}" if entry.obtain else "")),
        *(("from", f"{link.url} ({_linked(link.kind)})") for link in entry.links),
        ("file", entry.file),
        ("size", _unknown(entry.about_bytes) or f"about {bytes_text(int(entry.about_bytes))}"),
        ("sha256", entry.sha256),
        ("objects", _number(entry.objects)),
        ("records", f"{_number(entry.records)}, views of an object: {_number(entry.views)}"),
        ("splits", _splits(entry.splits)),
        ("mean PSNR", _unknown(entry.mean_psnr) or f"{entry.mean_psnr:g} dB, as published"),
        ("import", entry.format if entry.reason is None else f"none: {entry.reason}"),
        *(_convention_facts(convention) if entry.kind == "fields" else ()),
        ("fingerprint", _fingerprint(entry.fingerprint)),
        (
            "recipe",
            f"{entry.recipe} has its source and convention" if entry.recipe != "none" else "none of ours",
        ),
        *(("remark", remark) for remark in entry.remarks),
        *(("unverified", fact) for fact in entry.unverified),
    )


def _convention_facts(convention: "Convention") -> tuple[tuple[str, str], ...]:
    dims, scale, offset = convention.dims, _plain(convention.output_scale), _plain(convention.output_offset)
    order = {"xy": "xy: column first", "ij": "ij: row first", "none": "not those of pixels"}
    pairs = convention.target_range
    ends = pairs if isinstance(pairs, str) else " ".join(f"[{low:g}, {high:g}]" for low, high in pairs)
    many = "" if isinstance(pairs, str) or len(pairs) == 1 else ", one for each channel"
    return (
        ("dims", dims if isinstance(dims, str) else "-".join(map(str, dims))),
        ("omega", _plain(convention.omega)),
        ("coordinates", order.get(convention.axis_order, convention.axis_order)),
        ("output", f"{convention.output}, scale {scale}, offset {offset}"),
        ("targets", ends + many),
    )


def _place(entry: "Published") -> str:
    if not entry.links:
        return "e-mail" if entry.by == "e-mail" else "nowhere"
    return _HOSTS.get(urlsplit(entry.links[0].url).netloc, "elsewhere")


def _linked(kind: str) -> str:
    return {"file": "the file", "folder": "a folder, for a browser", "page": "a page, for a browser"}[kind]


def _unknown(value: float | str) -> str:
    return value if isinstance(value, str) else ""


def _plain(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _number(value: int | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _short(text: str) -> str:
    return "?" if text == "unknown" else text


def _splits(splits: "Splits | str") -> str:
    if isinstance(splits, str):
        return splits
    return f"{splits.train:,} train, {splits.val:,} val, {splits.test:,} test objects"


def _fingerprint(fingerprint: "Fingerprint | str") -> str:
    if isinstance(fingerprint, str):
        return fingerprint
    weights, biases = (
        ", ".join(f"{x:.4f}" for x in v) for v in (fingerprint.weight_std, fingerprint.bias_std)
    )
    return f"standard deviations of weights {weights} and of biases {biases}, layer by layer"


def _short_dims(dims: tuple[int, ...] | str) -> str:
    if isinstance(dims, str):
        return "?"
    inner, same = dims[1:-1], len(set(dims[1:-1])) == 1
    if len(inner) > _LONG_DIMS and same:
        return f"{dims[0]}-{inner[0]}x{len(inner)}-{dims[-1]}"
    return "-".join(map(str, dims))


def _short_convention(convention: "Convention") -> str:
    """Axis order, omega, offset and targets, such as ``xy w30 +0.5 [0,1]``."""
    parts = [] if convention.axis_order == "none" else [_short(convention.axis_order)]
    parts.append(f"w{_short(_plain(convention.omega))}")
    offset = convention.output_offset
    if offset != 0:
        parts.append("+?" if isinstance(offset, str) else f"{offset:+g}")
    pairs = convention.target_range
    if convention.output == "logits":
        parts.append("logits")
    elif isinstance(pairs, str):
        parts += ["[?]"] if pairs == "unknown" else []
    else:
        whole = all(end.is_integer() for pair in pairs for end in pair)
        parts.append(f"[{pairs[0][0]:g},{pairs[0][1]:g}]" if whole else "z-score")
    unknown = {"?", "w?", "+?", "[?]"}
    return "?" if unknown.issuperset(parts) else " ".join(parts)

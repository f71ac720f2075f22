"""The tables of the registry of published sets, as frozen types; `published` has the rules that join keys.

What is not written is ``"unknown"``, and stays so wherever it is shown: a registry that guesses is worse than
none. Each key's `msgspec.Meta` description completes the phrase "expected ..." of error messages.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

__all__ = [
    "IMPORTERS",
    "Convention",
    "Fingerprint",
    "Importer",
    "Link",
    "Paper",
    "SetTable",
    "Splits",
    "Unknown",
]

Importer = Literal["dwsnets", "multiview", "nfn", "implicit-zoo", "fit-a-nef", "inr2vec"]
Unknown = Literal["unknown"]

IMPORTERS: tuple[Importer, ...] = ("dwsnets", "multiview", "nfn", "implicit-zoo", "fit-a-nef", "inr2vec")
"""Formats that published fields are in and that can be imported."""

_Text = Annotated[
    str, Meta(min_length=1, max_length=400, pattern=r"^\S(.*\S)?$", description="a line of text")
]
_Address = Annotated[
    str, Meta(pattern=r"^https://[!-~]+$", description="an address that begins with https://")
]
_Count = Annotated[int, Meta(ge=0, le=2**48, description="a whole number, 0 or more")]
_CountOrUnknown = Annotated[_Count | Unknown, Meta(description="a whole number, 0 or more, or 'unknown'")]
_Number = Annotated[float, Meta(ge=-1e6, le=1e6, description="a number from -1e6 to 1e6")]
_NumberOrUnknown = Annotated[_Number | Unknown, Meta(description="a number from -1e6 to 1e6, or 'unknown'")]
_Factor = Annotated[
    Annotated[float, Meta(gt=0, le=1e6)] | Unknown, Meta(description="a number from 0 to 1e6, or 'unknown'")
]
_Width = Annotated[int, Meta(ge=1, le=1 << 16)]
_Spread = Annotated[float, Meta(gt=0, le=1e6)]


class Paper(Struct, frozen=True, forbid_unknown_fields=True):
    """What to cite for a set, and the code that came with it.

    Args:
        code_licence: of the code alone; what it says of the data is the set's own ``licence``.
    """

    authors: Annotated[tuple[_Text, ...], Meta(min_length=1, description="a list of names")]
    title: _Text
    venue: _Text
    year: Annotated[int, Meta(ge=2018, le=2100, description="a year from 2018 on")]
    url: _Address
    code: Annotated[
        _Address | Unknown, Meta(description="an address that begins with https://, or 'unknown'")
    ] = "unknown"
    code_licence: _Text = "unknown"


class Link(Struct, frozen=True, forbid_unknown_fields=True):
    """One place that holds a set.

    Args:
        kind: what a plain request gets: the ``file`` itself, or else a page for people: that of a ``folder``
            in which the file is to be picked, or any other ``page``.
    """

    url: _Address
    kind: Annotated[Literal["file", "folder", "page"], Meta(description="'file', 'folder' or 'page'")]


class Convention(Struct, frozen=True, forbid_unknown_fields=True):
    """What is needed to render the fields, as in `FieldSpec`, and what they were fitted to.

    Args:
        axis_order: ``none`` for fields whose coordinates are not those of pixels.
        output: whether the field's output is the value, or the logit of it.
        target_range: (at one end, at the other) of what is fitted, one pair for all channels or one for each:
            black and full intensity; -truncation and truncation; on the surface and truncation or farther;
            outside and inside. ``none`` for signals without such ends.
    """

    dims: Annotated[
        Annotated[tuple[_Width, ...], Meta(min_length=3)] | Unknown,
        Meta(description="whole numbers [in, hidden..., out], or 'unknown'"),
    ] = "unknown"
    omega: _Factor = "unknown"
    axis_order: Annotated[
        Literal["xy", "ij", "none", "unknown"], Meta(description="'xy', 'ij', 'none' or 'unknown'")
    ] = "unknown"
    output_offset: _NumberOrUnknown = "unknown"
    output_scale: _Factor = "unknown"
    output: Annotated[
        Literal["values", "logits", "unknown"], Meta(description="'values', 'logits' or 'unknown'")
    ] = "unknown"
    target_range: Annotated[
        Annotated[tuple[tuple[_Number, _Number], ...], Meta(min_length=1)] | Literal["none", "unknown"],
        Meta(description="pairs of numbers, one for all channels or one for each, 'none' or 'unknown'"),
    ] = "unknown"


class Fingerprint(Struct, frozen=True, forbid_unknown_fields=True):
    """Standard deviations over all entries of a layer's weights, or biases, in the training fields of a set.

    By them a copy of a set is recognised, whatever its files are called.
    """

    weight_std: Annotated[tuple[_Spread, ...], Meta(min_length=2, description="a number for each layer")]
    bias_std: Annotated[tuple[_Spread, ...], Meta(min_length=2, description="a number for each layer")]


class Splits(Struct, frozen=True, forbid_unknown_fields=True):
    """Objects in each split, as the publisher cuts them."""

    train: _Count
    val: _Count
    test: _Count


class SetTable(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A published set, as it stands in the registry.

    Args:
        title: one line for people.
        kind: what the records are; only ``fields`` can be imported.
        paper: a key of the registry's papers.
        signals: what the fields were fitted to.
        licence: of the data, by its SPDX identifier.
        by: how one gets it: ``download`` by a plain request; a ``browser``, at a page for people; ``e-mail``
            to the authors; or ``nothing``, where it was never published.
        obtain: what there is to do, unless it can be downloaded.
        links: mirrors of one file, the first to be tried first, then pages.
        file: the name that the publisher gave the file.
        about_bytes: size as somebody stated it, rounded.
        sha256: of the file.
        objects, records, views: fitted objects, fields in all, and fields of an object at most.
        format: the importer that reads it, or ``none``.
        reason: why none does.
        recipe: ours with the same source and convention, or ``none``.
        mean_psnr: dB, as the publisher states it.
        remarks: what a user of the set has to know.
        unverified: which of these facts nobody has checked on the files or in the publisher's code.
    """

    title: _Text
    kind: Annotated[
        Literal["fields", "radiance fields", "modulations", "classifiers"],
        Meta(description="'fields', 'radiance fields', 'modulations' or 'classifiers'"),
    ]
    paper: _Text
    signals: _Text
    licence: _Text = "unknown"
    by: Annotated[
        Literal["download", "browser", "e-mail", "nothing"],
        Meta(description="'download', 'browser', 'e-mail' or 'nothing'"),
    ]
    obtain: _Text | None = None
    links: Annotated[tuple[Link, ...], Meta(description="a list of tables { url, kind }")] = ()
    file: _Text = "unknown"
    about_bytes: _CountOrUnknown = "unknown"
    sha256: Annotated[
        str, Meta(pattern=r"^([0-9a-f]{64}|unknown)$", description="64 hexadecimal digits, or 'unknown'")
    ] = "unknown"
    objects: _CountOrUnknown = "unknown"
    records: _CountOrUnknown = "unknown"
    views: _CountOrUnknown = "unknown"
    splits: Annotated[
        Splits | Unknown, Meta(description="a table { train, val, test } of whole numbers, or 'unknown'")
    ] = "unknown"
    format: Annotated[
        Importer | Literal["none"], Meta(description=f"one of {', '.join(IMPORTERS)}, or 'none'")
    ]
    reason: _Text | None = None
    convention: Convention = Convention()
    recipe: _Text = "none"
    fingerprint: Annotated[
        Fingerprint | Unknown, Meta(description="a table { weight_std, bias_std }, or 'unknown'")
    ] = "unknown"
    mean_psnr: _NumberOrUnknown = "unknown"
    remarks: Annotated[tuple[_Text, ...], Meta(description="a list of lines")] = ()
    unverified: Annotated[tuple[_Text, ...], Meta(description="a list of lines")] = ()

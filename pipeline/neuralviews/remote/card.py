"""README.md of a release: the card that people read, below the head that the Hugging Face Hub reads."""

from collections.abc import Iterator

from msgspec import UNSET

from ..fit.method import method_words
from ..records import Split, Status
from .card_code import download_lines, load_lines, remake_lines
from .card_head import head
from .card_source import licence_lines, source_lines
from .facts import ReleaseFacts
from .responsible import BIASES, PERSONAL, limits
from .shipped import Shipped
from .terms import Terms
from .words import counted, decibels, description, markdown, siren, source_name, title_of

__all__ = ["PICTURE", "RELEASE_SUMS", "card_text", "fact_rows"]

PICTURE = "gallery.png"
RELEASE_SUMS = "SHA256SUMS.release"

_AXES = {"xy": "coordinate 0 of an image runs to the right", "ij": "coordinate 0 of an image runs down"}
_NAMES_SHOWN = 50
_KINDS = {"generate": "generated", "augment": "augmented", "import": "imported", "subset": "partial"}


def card_text(facts: ReleaseFacts, terms: Terms, card: Shipped | None, *, picture: bool) -> str:
    """The whole file.

    Args:
        card: of the recipe whose source the fields are of, if it came with neuralviews.
        picture: whether the release has a gallery.
    """
    title = title_of(facts, terms, card)
    parts = [
        head(facts, terms, title),
        f"# {markdown(title)}",
        markdown(description(facts)),
        _table(fact_rows(facts)),
        *([f"![some of the records]({PICTURE})"] if picture else []),
        *_section("Load", load_lines(facts)),
        *_section("Download and verify", download_lines(facts, terms, RELEASE_SUMS)),
        *_section("Make it again", remake_lines(facts)),
        *_section("Source, licence, citation", source_lines(facts, terms, card)),
        *_section("Licence of the weights", licence_lines(terms)),
        *_section("How it was generated", _generated(facts)),
        *_section(
            "Known limits", ["\n".join(f"- {markdown(text)}" for text in (*limits(facts), BIASES, PERSONAL))]
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _section(title: str, paragraphs: Iterator[str] | list[str]) -> list[str]:
    return [f"## {title}", *paragraphs]


def _table(rows: Iterator[tuple[str, str]]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows)])


def fact_rows(facts: ReleaseFacts) -> Iterator[tuple[str, str]]:
    """What the records are, as names and texts in Markdown on one line each."""
    spec, (low, high) = facts.spec, facts.target_range
    one, many = ("copy", "copies") if facts.kind == "augment" else ("view", "views")
    each, rest = divmod(facts.records, facts.objects)
    yield "dataset id", f"`{facts.dataset_id}`"
    yield (
        "records",
        f"{counted(facts.records, one, many)} of {counted(facts.objects, 'object')}"
        if rest
        else f"{facts.records:,}: {counted(each, one, many)} of each of {counted(facts.objects, 'object')}",
    )
    splits = ((part.name, facts.summary.splits[part.name]) for part in Split)
    told = [
        f"{name} {part.records:,} (of {counted(part.objects, 'object')})"
        for name, part in splits
        if part.records
    ]
    yield "splits", ", ".join(told)
    yield "field", f"{siren(facts)}, {spec.parameters:,} parameters, omega {_numbers(spec.omega)}"
    yield (
        "output",
        f"{spec.output_scale:g} · affine + {spec.output_offset:g}; targets in [{low:g}, {high:g}]",
    )
    if spec.in_dim == 2:
        yield "axis order", f"{spec.axis_order}: {_AXES[spec.axis_order]}"
    if facts.image_shape is not None:
        yield "images", f"{facts.image_shape[0]}x{facts.image_shape[1]} pixels (height x width)"
    if facts.class_names is not None:
        yield "classes", f"{len(facts.class_names):,}: {_names(facts.class_names)}"
    if facts.recipe is not None and (method := method_words(facts.recipe.canonical()["fit"])):
        yield "fitted", method
    yield from _quality(facts)
    yield "shards", f"{counted(len(facts.shards), 'file')} (HDF5), {facts.bytes:,} bytes"


def _quality(facts: ReleaseFacts) -> Iterator[tuple[str, str]]:
    summary = facts.summary
    if summary.psnr is UNSET:
        yield "PSNR", "not known"
    else:
        psnr = summary.psnr
        yield (
            "PSNR",
            f"median {decibels(psnr.median)}, 5 % below {decibels(psnr.p05)}, lowest {decibels(psnr.min)}"
            + _measured(facts),
        )
    if summary.shadow_psnr is not UNSET:
        psnr = summary.shadow_psnr
        yield (
            "shadow PSNR",
            f"median {decibels(psnr.median)}, 5 % below {decibels(psnr.p05)}, lowest {decibels(psnr.min)}, "
            "of the weights as they are rounded",
        )
    if summary.shapes is not UNSET:
        iou, error = summary.shapes.iou, summary.shapes.surface_error
        if iou is not UNSET:
            yield "IoU", f"median {iou.median:.3f}, 5 % below {iou.p05:.3f}, lowest {iou.min:.3f}"
        yield (
            "surface error",
            f"median {error.median:.4f}, 5 % above {error.p95:.4f}, highest {error.max:.4f}",
        )
    yield "status", _status(facts)


def _measured(facts: ReleaseFacts) -> str:
    """What PSNRs are against, or who says them, where that is not the fit itself."""
    if facts.kind == "augment":
        return ", against what the copies should render"
    if facts.quality == "stated":
        return ", as the files state it: it was not measured again"
    if facts.kind != "import":
        return ""
    return f", measured at the import against {markdown(source_name(facts))}"


def _status(facts: ReleaseFacts) -> str:
    """Why fits stopped; copies are not fitted, but kept or rejected."""
    counts = facts.summary.status
    if facts.kind == "augment":
        rejected = counts[Status.diverged.name]
        return f"kept {facts.records - rejected:,}, rejected {rejected:,}"
    return ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)


def _generated(facts: ReleaseFacts) -> Iterator[str]:
    lines = [*facts.makers]
    if facts.recipe is not None:
        lines.append(f"recipe {facts.recipe.name}, digest {facts.recipe.digest()}")
    lines += [f"plan {plan['name']}, seed {plan['seed']}" for plan in facts.plans]
    lines += [
        f"from the {_KINDS.get(one.kind, one.kind)} store {one.name}, dataset {one.dataset_id}"
        for one in facts.ancestors
    ]
    yield "\n".join(f"- {markdown(line)}" for line in lines)
    files = counted(len(facts.source_files), "source file")
    yield (
        f"`job.json` states everything that decided a byte, with the sha256 of {files}; "
        "`requirements.lock.txt` states the versions of packages."
    )


def _numbers(values: tuple[float, ...]) -> str:
    return f"{values[0]:g}" if len({*values}) == 1 else ", ".join(f"{value:g}" for value in values)


def _names(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN:,} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(map(markdown, names[:_NAMES_SHOWN])) + more

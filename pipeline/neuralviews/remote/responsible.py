"""What users of a release should weigh: its limits, and what Croissant's RAI vocabulary asks for.

Only what follows from a store is said. What would take an examination of the source is said not to have
been examined, and statements of the source's own publishers are left to the card.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import UNSET

from ..records import Status
from .facts import ReleaseFacts
from .words import counted, decibels, files_name, source_name

__all__ = ["limits", "responsible_statements"]

BIASES = (
    "The records render the objects of their source, so whatever biases it has, they have. Neither the "
    "source nor the records were examined for biases."
)
PERSONAL = (
    "Whatever personal or sensitive information the source shows can be rendered from the records. The "
    "source was not examined for it."
)
IMPACT = (
    "Not examined. The records show what their source shows, so the conditions under which the source may be "
    "used should be read first."
)
USES = (
    "Training and evaluating models whose inputs are the weights of neural networks; comparing augmentations "
    "and symmetries of such weights; studying implicit neural representations.",
    "Not meant as a substitute of the source in comparisons of models that read images or shapes.",
)


def limits(facts: ReleaseFacts) -> Iterator[str]:
    """What is known to limit the use of the records, one sentence or two each."""
    summary, dims = facts.summary, facts.spec.dims
    if facts.limit is not None:
        yield f"A part of the source: at most {facts.limit:,} of its objects were fitted."
    if facts.subset:
        yield f"A part of dataset {facts.ancestors[0].dataset_id}: not all of its records are here."
    if summary.psnr is UNSET:
        yield "How well the fields render their source is not known."
    else:
        against = "should render" if facts.kind == "augment" else "were fitted to"
        stated = ", as the files of the import state it," if facts.quality == "stated" else ""
        yield (
            f"Fields approximate what they {against}: the PSNR{stated} is "
            f"{decibels(summary.psnr.median)} in the median and {decibels(summary.psnr.min)} at the lowest."
        )
    if lost := summary.status[Status.diverged.name]:
        of = f"{lost:,} of {facts.records:,} records"
        what = "were rejected" if facts.kind == "augment" else "diverged or were rejected"
        yield f"{of} {what} (status 2); leave them out of training."
    if summary.shapes is not UNSET and summary.shapes.marked:
        yield (
            f"{counted(summary.shapes.marked, 'mesh is', 'meshes are')} doubtful: two ways to tell inside "
            "from outside disagree; the column sign_disagreement says by how much."
        )
    if facts.left_out:
        yield f"{counted(len(facts.left_out), 'item')} of the source left out; job.json says which, and why."
    yield f"Nothing is known of fields outside [-1, 1]^{dims[0]}, nor between the points that they learnt."
    yield "Records of one object are not independent: keep them in one split, and count objects, not records."
    if facts.recipe is not None:
        yield "Their quality was measured by the program that made them, and by nobody else."


def responsible_statements(facts: ReleaseFacts) -> dict[str, Any]:
    """The properties of the RAI vocabulary and of PROV-O that a description of the dataset has."""
    return {
        "rai:dataCollection": _collection(facts),
        "rai:dataLimitations": list(limits(facts)),
        "rai:dataBiases": [BIASES],
        "rai:personalSensitiveInformation": [PERSONAL],
        "rai:dataUseCases": list(USES),
        "rai:dataSocialImpact": IMPACT,
        "rai:hasSyntheticData": True,
        "prov:wasDerivedFrom": list(_origins(facts)),
        "prov:wasGeneratedBy": list(_activities(facts)),
    }


def _collection(facts: ReleaseFacts) -> str:
    if facts.recipe is None:
        made = f"fields were imported from {files_name(facts)}"
    else:
        made = f"each object of {source_name(facts)} was fitted by small neural networks"
    if facts.kind == "augment":
        made += ", and the records are copies that were computed from those"
    return f"Nothing was collected anew: {made}. All weights are results of computation."


def _origins(facts: ReleaseFacts) -> Iterator[dict[str, Any]]:
    for ancestor in facts.ancestors:
        yield {
            "@type": "sc:Dataset",
            "name": ancestor.name,
            "identifier": f"neuralviews dataset {ancestor.dataset_id}",
        }
    if facts.published is not None:
        yield {"@type": "sc:Dataset", "name": facts.published.title}
    elif facts.recipe is None:
        yield {"@type": "sc:Dataset", "name": files_name(facts)}
    if facts.source_recipe is not None:
        yield {"@type": "sc:Dataset", "name": source_name(facts)}


def _activities(facts: ReleaseFacts) -> Iterator[dict[str, Any]]:
    if facts.recipe is None:
        yield _activity("import", f"Fields were imported from {files_name(facts)}.")
    else:
        digest = facts.recipe.digest()
        yield _activity("fit", f"Fields were fitted as the recipe {facts.recipe.name} says, digest {digest}.")
    for plan in reversed(facts.plans):
        yield _activity("augment", f"Copies were made as the plan {plan['name']} says.")
    if facts.subset:
        yield _activity("selection", f"{facts.records:,} records were taken.")


def _activity(label: str, text: str) -> dict[str, Any]:
    return {
        "@type": "prov:Activity",
        "prov:label": label,
        "sc:description": text,
        "prov:wasAttributedTo": {"@type": "prov:SoftwareAgent", "prov:label": "neuralviews"},
    }

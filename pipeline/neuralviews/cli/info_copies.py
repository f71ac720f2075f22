"""What ``neuralviews info`` says of augmented copies alone: their plan, and the stores they descend from."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["copies_facts", "origin_rows"]


def copies_facts(store: "Store") -> dict[str, Any]:
    """Plan, operations, ancestors and rejected copies, as JSON values.

    Raises:
        FormatError: the job does not state them.
    """
    from ..augment.stated import ancestors, stated_copies
    from ..records import Status

    stated = stated_copies(store)
    lineage = [
        {"dataset_id": a.dataset_id, "name": a.name, "kind": a.kind, "digest": a.digest}
        for a in ancestors(store)
    ]
    return {
        "name": stated.name,
        "plan": store.job["plan"],
        "plan_digest": stated.plan_digest,
        "operations": stated.operations,
        "parent": lineage[0],
        "lineage": lineage,
        "rejected": store.manifest.summary.status[Status.diverged.name],
    }


def origin_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The same as lines of text; a reference's weights are only counted."""
    from ..report.wording import step_text

    plan = facts["plan"]
    copies, splits = plan["copies"], ", ".join(plan["splits"])
    each = f"{copies:,} cop{'y' if copies == 1 else 'ies'} of each record of {splits} by each pipeline"
    rows = [("plan", f"{plan['name']}, digest {facts['plan_digest'][:16]}, seed {plan['seed']}: {each}")]
    for pipeline in plan["pipelines"]:
        rows.append((f"  {pipeline['name']}", ", then ".join(map(step_text, pipeline["steps"]))))
    for place, ancestor in enumerate(facts["lineage"]):
        rows.append(("its parent" if place else "parent", f"{ancestor['dataset_id']} {ancestor['name']}"))
    return rows

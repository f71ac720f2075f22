"""Which split an object belongs to: by the recipe's rule, from hashed seeds, once and for all views."""

import numpy as np
from numpy.typing import NDArray

from ..errors import RecipeError
from ..recipe import Recipe
from ..recipe_schema import IndexSplit, RandomSplit
from ..records import Split
from ..seeds import derive_seed

__all__ = ["assign_splits"]


def assign_splits(recipe: Recipe, parts: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The split of each object.

    ``random`` draws from the objects of the train part: those are put in the order of
    ``derive_seed(seed, name, "split", object_id)``; the first ``val`` become validation, the next
    ``test`` become test. Objects of other parts stay where they are.

    Args:
        parts: (n,) uint8, the part of the source that each object comes from; all train if it has no parts.
    Returns:
        (n,) uint8, `Split`.
    Raises:
        RecipeError: the rule asks for more objects than there are.
    """
    rule, splits = recipe.split, parts.copy()
    if isinstance(rule, RandomSplit):
        train = np.flatnonzero(parts == Split.train)
        wanted = rule.val + rule.test
        if wanted > len(train):
            raise RecipeError(
                f"recipe {recipe.name}: split: found val + test = {wanted}, "
                f"expected at most the {len(train)} objects of the train part"
            )
        if wanted:
            seeds = [derive_seed(recipe.seed, recipe.name, "split", int(i)) for i in train]
            order = train[np.argsort(np.array(seeds, np.uint64), kind="stable")]
            splits[order[: rule.val]] = Split.val
            splits[order[rule.val : wanted]] = Split.test
    elif isinstance(rule, IndexSplit):
        if rule.val > len(parts):
            raise RecipeError(
                f"recipe {recipe.name}: split.val: found {rule.val}, "
                f"expected a boundary within the {len(parts)} objects of the source"
            )
        splits[: rule.train] = Split.train
        splits[rule.train : rule.val] = Split.val
        splits[rule.val :] = Split.test
    return splits

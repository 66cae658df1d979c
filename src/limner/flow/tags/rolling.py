"""From the sums of single nodes to a column per node: each node has the answers of what stands below it and its own.

Nothing is written for a parent: its column reads the sums of all codes from its own to the last below it, so that
children sum to their parents to the bit, whatever their half-lives.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from math import log2
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limner.flow.tags.base import Grid
from limner.flow.tags.catalog import Placed
from limner.flow.tags.kept_sums import sums_file
from limner.flow.tags.taxonomies import Node, Tree
from limner.maths.preference import preferred
from limner.store.gallery.column import Column
from limner.store.gallery.sums import Sums, aged

if TYPE_CHECKING:
    from limner.store.gallery import Draft


def put_tree(
    draft: Draft,
    sums: Sums,
    grid: Grid,
    placed: Placed,
    asof: datetime,
    unknown: NDArray[np.bool_] | None = None,
) -> None:
    """Write one sparse column per node of the tree, named TAG.PATH, over the sums that stand in the draft. A node
    nobody cares for is 0 for everybody. Of customers in `unknown` nothing is known."""
    tag, known = placed.tag, None if unknown is None else ~unknown
    factors = grid.factors
    if grid.is_rare:
        factors = tuple(rarer(sums, code, factor, draft.size, unknown) for code, factor in enumerate(factors))
    columns = {f"{tag.id}.{node.path}": (node.code, node.end) for node in grid.tree.nodes}
    labels = {"unit": tag.unit, "version": placed.version, "asof": asof.isoformat()}
    draft.put_sums(sums_file(tag.id), replace(sums, factors=factors), columns, known, **labels)
    if grid.has_preference:
        _put_preference(draft, grid.tree, placed, asof, known)


def rarer(sums: Sums, code: int, factor: float, size: int, unknown: NDArray[np.bool_] | None) -> float:
    """A factor times log2(1 + customers / customers with weight on the node): once where everybody has some."""
    numbers, weights = sums.kept(code)
    has = aged(weights, factor) > 0
    if unknown is not None:
        has &= ~unknown[numbers]
    count = int(has.sum())
    return factor * log2(1 + size / count) if count else factor


def _put_preference(draft: Draft, tree: Tree, placed: Placed, asof: datetime, known: NDArray[np.bool_] | None) -> None:
    """A column TAG.p.BRANCH for each node of the first level; of customers without any weight nothing is known."""
    branches = [node for node in tree.nodes if node.level == 1]
    columns = [Column(draft.folder, draft.headers[f"{placed.tag.id}.{node.path}"]).values for node in branches]
    shares = preferred(np.stack(columns, axis=1)).astype(np.float32)
    for node, answers in zip(branches, shares.T, strict=True):
        name, labels = preference_column(placed.tag.id, node), {"version": placed.version, "asof": asof.isoformat()}
        draft.put(name, np.ascontiguousarray(answers), known, type="float", **labels)


def preference_column(tag: str, node: Node) -> str:
    """The column of how probable it is that a customer prefers a branch."""
    return f"{tag}.p.{node.path}"

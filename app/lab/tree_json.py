"""Search trees as JSON, limited in size for the database and the page."""

from __future__ import annotations

from typing import Any

from app.search.tree import Node, Tree

MOST_NODES = 1500
LONGEST_STEP = 2000


def tree_to_json(tree: Tree, chosen: Node | None = None) -> dict[str, Any]:
    """{"nodes", "left_out"}. If there are too many nodes, pruned nodes without a finished solution go
    first, the oldest first. All ancestors of a stored node are stored."""
    nodes = tree.as_json()
    left_out = max(0, len(nodes) - MOST_NODES)
    if left_out:
        selected_ids = _selected_nodes(tree)
        nodes = [node for node in nodes if node["id"] in selected_ids]
    on_path = {node.id for node in tree.path(chosen)}
    for node in nodes:
        node["chosen"] = node["id"] in on_path
        if len(node["text"]) > LONGEST_STEP:
            node["text"] = node["text"][:LONGEST_STEP] + " …"
        node["ahead"] = [step[:LONGEST_STEP] for step in node["ahead"]][:20]
    return {"nodes": nodes, "left_out": left_out}


def _selected_nodes(tree: Tree) -> set[int]:
    selected_ids: set[int] = set()
    order = sorted(tree.nodes[1:], key=lambda node: (not node.selected, not node.finished, -node.id))
    for node in order:
        path = [ancestor.id for ancestor in tree.path(node) if ancestor.id not in selected_ids]
        if len(selected_ids) + len(path) <= MOST_NODES:
            selected_ids.update(path)
    return selected_ids

"""A tree as JSON that is not too large for a row and a page."""

from __future__ import annotations

from typing import Any

from app.search.tree import Node, Tree

MOST_NODES = 1500
LONGEST_STEP = 2000


def tree_to_json(tree: Tree, chosen: Node | None = None) -> dict[str, Any]:
    """{"nodes", "left_out"}. Where there are too many, those that were dropped and led to no finished
    solution go first, the oldest of them first; no node is kept without those above it."""
    nodes = tree.as_json()
    left_out = max(0, len(nodes) - MOST_NODES)
    if left_out:
        wanted = _selected_nodes(tree)
        nodes = [node for node in nodes if node["id"] in wanted]
    on_path = {node.id for node in tree.path(chosen)}
    for node in nodes:
        node["chosen"] = node["id"] in on_path
        if len(node["text"]) > LONGEST_STEP:
            node["text"] = node["text"][:LONGEST_STEP] + " …"
        node["ahead"] = [step[:LONGEST_STEP] for step in node["ahead"]][:20]
    return {"nodes": nodes, "left_out": left_out}


def _selected_nodes(tree: Tree) -> set[int]:
    wanted: set[int] = set()
    order = sorted(tree.nodes[1:], key=lambda node: (not node.kept, not node.finished, -node.id))
    for node in order:
        path = [each.id for each in tree.path(node) if each.id not in wanted]
        if len(wanted) + len(path) <= MOST_NODES:
            wanted.update(path)
    return wanted

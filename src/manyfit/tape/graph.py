"""The computation graph as figure data: every named value with its number and its gradient, every edge with its derivative."""

from __future__ import annotations

import numpy as np

from manyfit.answers import Graph, Text
from manyfit.tape.backward import gradients, local, order
from manyfit.tape.value import Value

TITLE = Text(
    "The computation graph: value above, ∂L/∂ below, ∂to/∂from on the edges",
    "计算图：上为数值，下为 ∂L/∂，边上为局部导数",
)


def graph_of(result: Value) -> Graph:
    """The graph of the named values that a number was made of.

    Example:
        >>> x = Value(3.0, "x")
        >>> graph = graph_of((x * x).called("y"))
        >>> graph.names, graph.gradient.tolist(), graph.derivative.tolist()
        (('x', 'y'), [6.0, 1.0], [6.0])
    """
    nodes = [value for value in order(result) if value.name]
    place = {id(value): k for k, value in enumerate(nodes)}
    edges = [
        (place[id(below)], place[id(above)], float(by))
        for above in nodes
        if above.operation is not None
        for below, by in local(above)
    ]
    depth = [0] * len(nodes)
    for _ in nodes:
        for start, end, _by in edges:
            depth[end] = max(depth[end], depth[start] + 1)
    for start, _end, _by in reversed(edges):  # what is given stands just before what it goes into
        if nodes[start].operation is None:
            depth[start] = min(depth[k[1]] for k in edges if k[0] == start) - 1
    return laid_out(
        tuple(value.name for value in nodes),
        [float(value) for value in nodes],
        [float(g) for g in gradients(result, nodes)],
        edges,
        depth,
    )


def laid_out(
    names: tuple[str, ...],
    values: list[float],
    slopes: list[float],
    edges: list[tuple[int, int, float]],
    depth: list[int],
) -> Graph:
    """A graph whose nodes stand in columns by depth, each column centered."""
    columns: dict[int, list[int]] = {}
    for node, column in enumerate(depth):
        columns.setdefault(column, []).append(node)
    y = np.zeros(len(names))
    computed = {edge[1] for edge in edges}
    for members in columns.values():
        # What was computed stands around the middle line, what was given above and below it in turn.
        middle = [node for node in members if node in computed] or members
        for position, node in enumerate(middle):
            y[node] = (len(middle) - 1) / 2 - position
        for position, node in enumerate(node for node in members if node not in middle):
            y[node] = (1 - 2 * (position % 2)) * ((len(middle) + 1) / 2 + position // 2)
    return Graph(
        TITLE,
        names,
        np.array(depth, dtype=np.float64),
        y,
        np.array(values),
        np.array(slopes),
        np.array([edge[0] for edge in edges], dtype=np.float64),
        np.array([edge[1] for edge in edges], dtype=np.float64),
        np.array([edge[2] for edge in edges], dtype=np.float64),
    )

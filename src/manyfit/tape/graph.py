"""The computation graph as figure data: every named value with its number and its gradient, every edge with its derivative."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from manyfit.answers import Graph, Text
from manyfit.tape import names
from manyfit.tape.backward import gradients, local, order
from manyfit.tape.story import Story
from manyfit.tape.value import Value

TITLE = Text(
    "The computation graph: value above, ∂L/∂ below, ∂to/∂from on the edges",
    "计算图：上为数值，下为 ∂L/∂，边上为局部导数",
)
TITLE_OF_ROW = Text(
    "The computation graph for row {row}: value above, its part of ∂L/∂ below, ∂to/∂from on the edges",
    "第 {row} 行的计算图：上为数值，下为其对 ∂L/∂ 的贡献，边上为局部导数",
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


def graph_of_step(story: Story) -> Graph:
    """The graph of a network for one row: the units that get a line, the weight that is followed, and the loss."""
    layers, r, last = story.layers, story.row, len(story.layers)
    named: dict[str, int] = {}
    values: list[float] = []
    slopes: list[float] = []
    depth: list[int] = []

    def node(name: str, value: float, slope: float, column: int) -> None:
        named[name] = len(named)
        values.append(float(value))
        slopes.append(float(slope))
        depth.append(column)

    edges: list[tuple[int, int, float]] = []
    for unit in story.shown[0]:
        node(names.value(0, unit), layers[0].before[r, unit], layers[0].d_before[r, unit], 0)
    for number, each in enumerate(layers, 1):
        for unit in story.shown[number]:
            z = names.z(number, unit)
            node(z, each.z[r, unit], each.d_z[r, unit], 2 * number - 1)
            for below in story.shown[number - 1]:
                by = each.weight[below, unit] * (1.0 if each.mask is None else each.mask[r, below])
                edges.append((named[names.value(number - 1, below)], named[z], float(by)))
            if number < last:
                a = names.value(number, unit)
                node(a, each.a[r, unit], each.d_a[r, unit], 2 * number)
                edges.append((named[z], named[a], float(each.slope[r, unit])))
    node("L", story.step.loss, 1.0, 2 * last)
    for unit in story.shown[last]:
        edges.append((named[names.z(last, unit)], named["L"], float(layers[-1].d_z[r, unit])))
    layer, out, in_ = story.weight
    each = layers[layer - 1]
    before = each.bias[out] if in_ is None else each.weight[in_, out]
    by = 1.0 if in_ is None else each.inputs[r, in_]
    node(story.symbol, before, each.d_z[r, out] * by, 2 * layer - 2)
    edges.append((named[story.symbol], named[names.z(layer, out)], float(by)))
    graph = laid_out(tuple(named), values, slopes, edges, depth, is_given={named[story.symbol]})
    return graph._replace(title=Text(*(text.format(row=story.labels[r]) for text in TITLE_OF_ROW)))


def laid_out(
    names: tuple[str, ...],
    values: list[float],
    slopes: list[float],
    edges: list[tuple[int, int, float]],
    depth: list[int],
    is_given: Collection[int] = (),
) -> Graph:
    """A graph whose nodes stand in columns by depth, each column around the middle line but for what `is_given`."""
    columns: dict[int, list[int]] = {}
    for node, column in enumerate(depth):
        columns.setdefault(column, []).append(node)
    y = np.zeros(len(names))
    computed = {edge[1] for edge in edges} - set(is_given)
    for members in columns.values():
        # What was computed stands around the middle line, what was given above and below it in turn.
        middle = [node for node in members if node in computed]
        middle = middle or [node for node in members if node not in is_given]
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

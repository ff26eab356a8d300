"""The columns of a table under a penalty: how their weights go to 0 as it grows, and which of them L1 keeps."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from manyfit.answers import Cell, Curves, Section, Series, Table, Text
from manyfit.questions._curbs.curbed import Curbed, Kept, middle
from manyfit.questions._frame.verdicts import both
from manyfit.questions._frame.words import listed, n_of, rate_text
from manyfit.stats import Finding

MOST_DRAWN = 7
"""Columns that one picture can tell apart, beside the mean of the others."""
MOST_ROWS = 40
"""Columns that a table names."""
MOST_SAID = 6
"""Columns that a sentence names."""
MOSTLY = 0.5


def columns_said(found: Curbed, kept: Kept) -> Text:
    """Which columns L1 keeps at the strength that seemed to cost nothing, and what that costs on fresh pairs."""
    total = len(kept.names)
    if found.sparse is None or found.sparse_at is None or not kept.share:
        return Text(
            "No strength of L1 keeps the score, so it chooses no columns here.",
            "L1 的任何强度都不能保持分数，因此这里不用它选择特征。",
        )
    order = sorted(range(total), key=lambda c: -kept.share[c].estimate)
    mostly = [kept.names[c] for c in order if kept.share[c].estimate >= MOSTLY]
    at = rate_text(found.sparse_at)
    if len(mostly) == total:
        return both(f"L1 at λ {at} keeps all {total} columns.", f"L1（λ {at}）保留全部 {total} 列。")
    shown = listed(mostly[:MOST_SAID]) if len(mostly) <= MOST_SAID else None
    names = (
        shown
        if shown is not None
        else Text(", ".join(mostly[:MOST_SAID]) + ", …", "、".join(mostly[:MOST_SAID]) + "、…")
    )
    word = {
        Finding.SAME: Text("at the same score", "分数相同"),
        Finding.BETTER: Text("at a better score", "分数更好"),
        Finding.WORSE: Text("at a worse score", "分数更差"),
        Finding.UNKNOWN: Text("whether at the same score cannot be told", "分数是否相同无法判断"),
    }[found.sparse.finding]
    if not mostly:
        return both(
            f"L1 at λ {at} keeps no column in most networks ({word.en}).",
            f"L1（λ {at}）在多数网络中不保留任何列（{word.zh}）。",
        )
    return both(
        f"L1 at λ {at} keeps {len(mostly)} of {total} columns in most networks ({word.en}): {names.en}.",
        f"L1（λ {at}）在多数网络中保留 {total} 列中的 {len(mostly)} 列（{word.zh}）：{names.zh}。",
    )


def columns_section(found: Curbed, kept: Kept) -> Section:
    """The paths of the weights, and the columns in the order in which L1 drops them."""
    figures = []
    places = {name: c for c, name in enumerate(found.tuning.weights["l1"].names)}
    drawn = [places[name] for name in kept.names[:MOST_DRAWN]]
    for name in ("l1", "l2"):
        weights = found.tuning.weights.get(name)
        if weights is None:
            continue
        strengths = found.tuning.strengths[found.names.index(name)]
        size = middle(weights.size)
        series = []
        for c in drawn:
            seen = np.isfinite(size[:, c])
            if seen.any():
                series.append(Series(weights.names[c], strengths[seen], size[seen, c]))
        others = [c for c in range(size.shape[1]) if c not in drawn]
        if others:
            mean = size[:, others].mean(1)
            seen = np.isfinite(mean)
            series.append(Series(Text("mean of the others", "其余各列的均值"), strengths[seen], mean[seen]))
        label = name.upper()
        figures.append(
            Curves(
                Text(f"Weights of the first layer over {label}'s λ", f"第一层权重随 {label} 的 λ 变化"),
                tuple(series),
                Text("λ", "λ"),
                Text("sum of |w|, mean over replicates", "|w| 之和（各重复的均值）"),
                x_log=True,
            )
        )
    rows: list[tuple[Cell, ...]] = []
    for c, name in enumerate(kept.names[:MOST_ROWS]):
        share = kept.share[c] if kept.share else None
        rows.append(
            (
                name,
                rate_text(float(kept.until[c])) if kept.until[c] > 0 else "–",
                "–"
                if share is None
                else f"{100 * share.estimate:.0f} % [{100 * share.low:.0f}, {100 * share.high:.0f}]",
                f"{100 * kept.size[c]:.0f} %",
            )
        )
    at = "–" if found.sparse_at is None else rate_text(found.sparse_at)
    head = (
        Text("column", "列"),
        Text("kept up to λ", "保留至 λ"),
        Text(f"kept at λ {at}", f"λ {at} 时保留"),
        Text("share of |w| there", "该处 |w| 占比"),
    )
    table = Table(head, tuple(rows), Text("Columns, the last to go first", "各列，最后被去掉的在前"))
    said = []
    ends = kept.until.max(), kept.until.min()
    if ends[0] > ends[1]:
        last, first = ([n for n, at in zip(kept.names, kept.until, strict=True) if at == end] for end in ends)
        if len(last) <= MOST_SAID and len(first) <= MOST_SAID:
            said.append(
                both(
                    f"Under L1 {listed(last).en} {'goes' if len(last) == 1 else 'go'} last, {listed(first).en} first.",
                    f"L1 下 {listed(last).zh} 最后被去掉，{listed(first).zh} 最先。",
                )
            )
    if len(kept.names) > MOST_ROWS:
        n = len(kept.names) - MOST_ROWS
        said.append(
            both(f"{n_of(n, 'column')} that go earlier are not shown.", f"更早被去掉的 {n} 列未列出。")
        )
    n = found.tuning.weights["l1"].kept.shape[1]
    measured = Text(
        f"The weights of the first layer to all units, added up by column, on the {n} pairs of the tuning. Kept up to: half of "
        "these networks have a weight other than 0 there. The share kept has Wilson's interval over fresh pairs, each column for "
        "itself. With SGD and momentum L1 sets weights to exactly 0; with other rules they hop about it, and count as 0 within "
        "ten times the rate. The share of |w| is that at the strength named, or at the weakest L1.",
        f"第一层到全部单元的权重按列相加，取自调参的 {n} 对。“保留至”：一半的网络在该处仍有非零权重。"
        "保留比例为新配对上的 Wilson 区间，各列单独计算。SGD 与动量下 L1 使权重恰为 0；其他优化器下权重在 0 附近跳动，"
        "十倍学习率以内计为 0。|w| 占比取所示强度处，否则取最弱的 L1 处。",
    )
    title = Text("Weights over λ, and what L1 keeps", "权重随 λ 的变化与 L1 的保留")
    return Section(
        title,
        tuple(said),
        tuple(figures),
        (table,),
        (measured,),
    )


def kept_numbers(found: Curbed, kept: Kept) -> dict[str, Any]:
    """Columns and paths as plain values."""
    return {
        "kept": None if math.isnan(kept.n) else kept.n,
        "columns": [
            {
                "name": name,
                "until": float(kept.until[c]),
                "size": float(kept.size[c]),
                "share": dataclasses.asdict(kept.share[c]) if kept.share else None,
            }
            for c, name in enumerate(kept.names)
        ],
        "paths": {
            name: {
                "strengths": found.tuning.strengths[found.names.index(name)].tolist(),
                "columns": list(weights.names),
                "size": middle(weights.size).tolist(),
            }
            for name, weights in found.tuning.weights.items()
        },
    }

"""The evidence of a diagnosis, and the same as plain values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.questions._diagnosis.findings import Found
from manyfit.questions._diagnosis.twins import WORDS
from manyfit.stats import Comparison, Interval

Floats = NDArray[np.float64]


class Evidence(NamedTuple):
    """What the twins showed. All scores are losses: lower is better.

    code: A key of `diagnose.CODES`.
    remedies: By twin: twin − recipe as it is, on unseen rows.
    train, held: Mean score of the recipe on its training rows, and on rows it has not seen.
    gap: Interval of held − train.
    n_rows: [3] training rows of a quarter, a half, all.
    by_rows: [3] mean score on unseen rows with that many.
    by_rows_ends: [2, 3] ends of its interval; NaN where networks diverged.
    doubling: What twice the rows would change the score by, if it goes on as from a quarter over a half to all of them.
    n_data: Different data among the pairs.
    found: What else was found.
    muted: Codes that nobody wants to hear of.
    is_cut: Whether what was to be tried on fresh pairs could not be.
    leader: The twin that helps most; empty where none is better.
    again: What it changed on fresh pairs; None where that is not known.
    n_networks: Trained as twins, and on fresh pairs.
    """

    code: str
    remedies: Mapping[str, Comparison]
    train: float
    held: float
    gap: Interval
    n_rows: Floats
    by_rows: Floats
    by_rows_ends: Floats
    doubling: Interval
    n_data: int
    found: tuple[Found, ...] = ()
    muted: tuple[str, ...] = ()
    is_cut: bool = False
    leader: str = ""
    again: Comparison | None = None
    n_networks: tuple[int, int] = (0, 0)


def numbers(found: Evidence) -> dict[str, object]:
    """The evidence as plain values."""
    return {
        "code": found.code,
        "train": found.train,
        "held": found.held,
        "gap": dataclasses.asdict(found.gap),
        "remedies": {name: _plain(change) for name, change in found.remedies.items()},
        "again": None
        if found.again is None
        else {"remedy": found.leader, "name": WORDS[found.leader]._asdict(), **_plain(found.again)},
        "rows": {
            "n": found.n_rows.tolist(),
            "score": found.by_rows.tolist(),
            "low": found.by_rows_ends[0].tolist(),
            "high": found.by_rows_ends[1].tolist(),
        },
        "doubling": dataclasses.asdict(found.doubling),
        "data_sets": found.n_data,
        "findings": [
            {
                "code": each.code,
                "label": each.label._asdict(),
                "evidence": each.seen.said._asdict(),
                "numbers": dict(each.seen.numbers),
                "tried": [{"name": t.name._asdict(), **_plain(t.change)} for t in each.tried],
            }
            for each in found.found
        ],
        "muted": list(found.muted),
    }


def _plain(change: Comparison) -> dict[str, object]:
    return {**dataclasses.asdict(change), "finding": change.finding.value}

"""One contender on one split, in a process of its own: pinned to one core, one thread. Prints one line of JSON."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import warnings
from typing import Any


def main() -> None:
    """Arguments: one JSON object with core, system, table, split, seconds, clock and seed."""
    request = json.loads(sys.argv[1])
    with contextlib.suppress(AttributeError):  # not every system can pin
        os.sched_setaffinity(0, {request["core"]})
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print goes to standard error
    print(json.dumps(answer(request)), file=answers)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """What came of a request; "absent" where the table's package is missing."""
    from benchmarks.tables.rivals import boosted, tuned_mlp
    from benchmarks.tables.scores import scores
    from benchmarks.tables.sources import EVERY, Absent
    from benchmarks.tables.splits import split_of

    warnings.simplefilter("ignore")
    clock = time.process_time if request["clock"] == "cpu" else time.perf_counter
    system, seconds = request["system"], request["seconds"]
    try:
        split = split_of(EVERY[request["table"]], request["split"])
    except Absent as error:
        return {"absent": str(error)}
    wall, began = time.perf_counter(), clock()
    if system == "manyfit":
        from benchmarks.tables.ours import main_job

        wall, began = time.perf_counter(), clock()
        found = main_job(split, seconds, request["seed"], clock)
    elif system == "mlp":
        predicted, told = tuned_mlp(split, seconds, request["seed"], clock)
        found = {"scores": scores(split, predicted), **told}
    else:
        found = {"scores": scores(split, boosted(split, request["seed"]))}
    found.setdefault("seconds", clock() - began)
    return {**found, "wall_s": time.perf_counter() - wall}


if __name__ == "__main__":
    main()

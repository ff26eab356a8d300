"""The process of one peer: pinned to one core, one thread, waiting for work while the others are timed.

It reads one JSON request a line and answers one JSON line: the result, or why there is none.
"""

import contextlib
import importlib
import json
import os
import sys
import time


def main() -> None:
    """Serves requests until standard input closes. Arguments: the core's number, the peer's module."""
    core, module = int(sys.argv[1]), sys.argv[2]
    with contextlib.suppress(AttributeError):  # not every system can pin
        os.sched_setaffinity(0, {core})
    # Libraries print what they like: answers leave by a descriptor of their own, chatter goes to standard error.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(_answer(module, json.loads(line))), file=answers)


def _answer(module: str, request: dict) -> dict:
    from benchmarks.peers import AbsentPeer
    from benchmarks.tasks import TASKS

    task = TASKS[request["task"]].shortened(request["share"])
    try:
        train = importlib.import_module(f"benchmarks.peers.{module}").train
        wall, processor = time.perf_counter(), time.process_time()
        result = train(task, request["n_networks"], request["seed"], **request["options"])
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    except ModuleNotFoundError as error:
        return {"absent": f"{error.name} is not installed"}
    except AbsentPeer as absent:
        return {"absent": str(absent)}
    return {
        "seconds": result.seconds,
        "core_seconds": result.core_seconds,
        "compile_seconds": result.compile_seconds,
        "losses": result.losses.tolist(),
        "note": result.note,
        "undisturbed": min(1.0, processor / wall),
    }


if __name__ == "__main__":
    main()

"""What it costs before and beside the training: importing, `--help`, writing and reading a run folder of 10,000 networks.

Each is printed beside something everybody knows, measured in the same run: the bare interpreter, `import torch`, a copy
of the same numbers by NumPy. Run `python -m benchmarks.overheads`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from manyfit.engines.native import Native
from manyfit.population import Population
from manyfit.recipe import Recipe
from manyfit.runs import Fate, Ledger, Run, RunFolder

ROUNDS = 5


def fastest(work: Callable[[int], object]) -> float:
    """Seconds of the fastest of some rounds: other processes share the machine."""

    def once(i: int) -> float:
        start = time.perf_counter()
        work(i)
        return time.perf_counter() - start

    return min(once(i) for i in range(ROUNDS))


def process(*arguments: str) -> Callable[[int], object]:
    """A whole run of the interpreter."""
    return lambda i: subprocess.run([sys.executable, *arguments], capture_output=True, check=False)


def main() -> None:
    """Print the table."""
    bare = fastest(process("-c", "pass"))
    lines = [("python -c pass", bare), ("import manyfit", fastest(process("-c", "import manyfit")))]
    lines.append(("manyfit --help", fastest(process("-m", "manyfit", "--help"))))
    lines.append(("import torch", fastest(process("-c", "import torch"))))
    with tempfile.TemporaryDirectory() as scratch:
        X = np.zeros((5, 2))
        population = Population.of([Recipe(epochs=20)] * 10_000, X, X[:, 0])
        ledger = Ledger.begin(population)
        ledger.loss[:], ledger.held_loss[:] = 1.0, 2.0
        ledger.cursor[:, :4] = 20, 0, 40, Fate.FINISHED
        engine = Native(1).describe()
        run = Run.of(population, ledger, seconds=1.0, core_seconds=1.0, engine=engine)

        def write_and_read(i: int) -> None:
            path = Path(scratch) / str(i)
            with RunFolder.create(path, plan={}) as folder, folder.record(population, engine) as recorder:
                recorder.finish(run, ledger)
            again = RunFolder.open(path)
            again.metrics(), again.members(), again.run(population)

        def save(i: int) -> None:
            np.savez(
                Path(scratch) / f"{i}.npz",
                loss=ledger.loss,
                held=ledger.held_loss,
                parameters=np.stack(ledger.parameters),
            )

        lines.append(("run folder, 10,000 networks × 20 epochs", fastest(write_and_read)))
        lines.append(("the same numbers by np.savez", fastest(save)))
    for name, seconds in lines:
        print(f"{name:42} {seconds:7.3f} s   {seconds / bare:6.1f} × the bare interpreter")


if __name__ == "__main__":
    main()

"""A table of 200,000 rows and 40 columns with text, dates and holes: seconds and memory, measured in a process of its own."""

import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

N = 200_000
SECONDS = 60  # of the processor, on a busy machine; 15 were measured on a quiet one
GIGABYTES = 1.5  # 1.25 were measured

WORK = """
import json, sys, time
from pathlib import Path
from manyfit.data import Encoder, folds, holdout, load
data = load(sys.argv[1], "y")
development, test = holdout(data)
encoders = [Encoder.fit(data, fold.train, development) for fold in folds(data, development)]
X = encoders[0].transform(data.frame)
new = encoders[0].read(sys.argv[1])
assert (encoders[0].transform(new.frame) == X).all()
# ru_maxrss would not do: a process inherits that of the one that began it
status = Path("/proc/self/status").read_text().split()
peak = int(status[status.index("VmHWM:") + 1]) * 1024 / 1e9
print(json.dumps({"shape": X.shape, "kinds": data.counts, "seconds": time.process_time(), "peak": peak}))
"""


def write_table(path) -> None:
    draw = np.random.RandomState(0)

    def holes(values) -> pl.Series:
        return pl.Series(values).set(pl.Series(draw.uniform(size=N) < 0.05), None)

    columns: dict = {"id": np.arange(1, N + 1)}
    for i in range(22):
        values = draw.standard_normal(N) if i % 3 else np.exp(1.5 * draw.standard_normal(N))
        columns[f"number{i}"] = holes(values)
    for i, n in enumerate((3, 5, 12, 40, 200, 1000, 6, 2)):
        columns[f"text{i}"] = holes([f"value {v}" for v in (draw.zipf(1.5, N) - 1) % n])
    columns["free"] = [f"free text number {v}" for v in draw.randint(0, 10**9, N)]
    for i in range(3):
        moment = pl.Series(draw.randint(0, 10**8, N).astype(np.int64) * 1_000_000).cast(pl.Datetime("us"))
        columns[f"date{i}"] = holes(moment.dt.offset_by("45y").dt.strftime("%Y-%m-%d %H:%M:%S").to_list())
    for i in range(4):
        columns[f"flag{i}"] = draw.uniform(size=N) < 0.3
    columns["y"] = columns["number1"].fill_null(0) + 0.5 * draw.standard_normal(N)
    frame = pl.DataFrame(columns)
    assert frame.shape == (N, 40)
    frame.write_csv(path)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process held at its peak")
def test_large_table_is_read_split_and_encoded_in_seconds(tmp_path):
    path = tmp_path / "big.csv"
    write_table(path)

    done = subprocess.run([sys.executable, "-c", WORK, str(path)], capture_output=True, text=True, check=True)
    facts = json.loads(done.stdout)

    assert facts["kinds"] == {"number": 22, "boolean": 4, "category": 8, "date": 3}
    assert facts["shape"][0] == N
    assert facts["seconds"] < SECONDS
    assert facts["peak"] < GIGABYTES

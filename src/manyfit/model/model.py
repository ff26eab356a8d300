"""The trained model: networks, the preprocessing of each, calibration; predicts without training data and without torch.

A model is the average of confirmed networks. Each was trained on another fold and sees new rows through the encoder of that fold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from manyfit.answers import FILE as ANSWER
from manyfit.answers import Answer, read_answer
from manyfit.data import Dataset, Encoder, Note, Target, holdout
from manyfit.errors import Problem, UsageError
from manyfit.metrics import metric_for
from manyfit.model.forward import forward, tempered, to_values
from manyfit.networks import Dense
from manyfit.text import Text

Floats = NDArray[np.float64]

CHUNK = 16384
"""Rows predicted at a time, so that a long table does not need its outputs of all networks at once."""
LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Levels of the prediction intervals that a model carries."""


@dataclass(frozen=True, eq=False)
class Network:
    """One trained network.

    shape: Its layers and activation.
    parameters: [n] flat, for each layer weights [in, out], then biases [out].
    encoder: Which of the model's encoders it sees rows through.
    recipe: Which of the model's recipes it was trained by.
    """

    shape: Dense
    parameters: NDArray[np.floating]
    encoder: int
    recipe: int = 0


@dataclass(frozen=True)
class Calibration:
    """What out-of-fold rows taught about the model's confidence.

    temperature: Probabilities are raised to 1 / temperature and made to sum to 1; above 1 they were too sure.
    widths: Half width of the prediction interval by level, in units of the target.
    """

    temperature: float = 1.0
    widths: Mapping[float, float] = field(default_factory=dict)


class OpenedRows(NamedTuple):
    """The locked rows, opened.

    rows: [n] places in the table.
    y: [n] truth.
    predicted: [n] numbers or [n, C] probabilities.
    weights: [n], or None.
    opening: How often they have been opened, this time included.
    """

    rows: NDArray[np.int64]
    y: NDArray[Any]
    predicted: Floats
    weights: Floats | None
    opening: int


class Model:
    """A trained model. `mf.train` makes it, `mf.load_model` reads it.

    Attributes:
        target: What is predicted.
        encoders: Preprocessing, one for each fold.
        networks: What is averaged.
        calibration: Temperature and interval widths.
        facts: What is known of it, plain values: plan, seed, metric, recipes, scores, verdict.
        openings: How often its test rows were opened.
    """

    def __init__(
        self,
        target: Target,
        encoders: Sequence[Encoder],
        networks: Sequence[Network],
        calibration: Calibration | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self.target = target
        self.encoders = tuple(encoders)
        self.networks = tuple(networks)
        self.calibration = calibration or Calibration()
        self.facts: dict[str, Any] = dict(facts or {})
        self.notes: tuple[Note, ...] = ()
        self._data: Dataset | None = None
        self._folder: Path | None = None
        self._answer: Answer | None = None

    def __repr__(self) -> str:
        n_recipes = len({network.recipe for network in self.networks})
        what = self.target.task + (f" of {self.target.n_classes}" if self.target.task == "multiclass" else "")
        return f"<Model {self.target.name!r}: {what}; {len(self.networks)} networks, {n_recipes} recipe{'s' * (n_recipes != 1)}>"

    @property
    def openings(self) -> int:
        """How often the test rows were opened."""
        return int(self.facts.get("openings", 0))

    @property
    def verdict(self) -> str:
        """What was found, as the terminal prints it; empty when nothing was asked."""
        return str(self.facts.get("verdict", ""))

    @property
    def answer(self) -> Answer | None:
        """What the job found, with the figures of its report; None for a model that no job has made or that was saved alone."""
        if self._answer is None and self._folder is not None and (self._folder / ANSWER).is_file():
            self._answer = read_answer(self._folder)
        return self._answer

    # Predicting

    def read(self, source: Any, **options: Any) -> pl.DataFrame:
        """New rows as the encoders take them; what was done about odd ones is in `notes` afterwards.

        Args:
            source: Anything `load` accepts; columns in any order, absent ones are filled. The target is not needed.
            **options: `encoding`, `delimiter`, `header` as `load` takes them.
        """
        new = self.encoders[0].read(source, **options)
        self.notes = tuple(new.notes)
        return new.frame

    def predict(self, source: Any) -> NDArray[Any]:
        """Numbers, or classes in their own type.

        Args:
            source: Anything `load` accepts; columns in any order, absent ones are filled. The target is not needed.

        Returns:
            Shape `(N,)`.
        """
        raw = self.predict_frame(self.read(source))
        return self.target.decode(raw if raw.ndim == 1 else raw.argmax(1)).to_numpy()

    def predict_proba(self, source: Any) -> Floats:
        """Calibrated probabilities of the classes, in the order of `target.labels`.

        Returns:
            Shape `(N, C)`; every row sums to 1.

        Raises:
            UsageError: If the model predicts numbers.
        """
        if self.target.task == "regression":
            rule = Text("is for classes; this model predicts numbers", "用于类别；该模型预测数值")
            hint = Text("Use predict or predict_interval.", "请用 predict 或 predict_interval。")
            raise UsageError(Problem("predict_proba", rule, hint=hint))
        return self.predict_frame(self.read(source))

    def predict_interval(self, source: Any, level: float = 0.9) -> Floats:
        """Prediction intervals: a new row's target lies inside with about that probability.

        Args:
            source: Anything `load` accepts.
            level: One of the levels that were calibrated: 0.5, 0.8, 0.9, 0.95.

        Returns:
            Shape `(N, 2)`: low and high ends, in units of the target.
        """
        middle = self.predict_frame(self.read(source))
        width = self._width(level)
        return np.stack([middle - width, middle + width], axis=1)

    def predict_table(self, frame: pl.DataFrame, level: float = 0.9) -> pl.DataFrame:
        """Predictions as a table: the prediction, then probabilities or the ends of the interval.

        Args:
            frame: Rows that `read` has made ready.
            level: Level of the intervals.
        """
        raw = self.predict_frame(frame)
        name = self.target.name
        if raw.ndim == 1:
            columns = [pl.Series(name, raw)]
            if level in self.calibration.widths:
                width = self._width(level)
                columns += [pl.Series(f"{name} low", raw - width), pl.Series(f"{name} high", raw + width)]
            return pl.DataFrame(columns)
        decided = self.target.decode(raw.argmax(1)).rename(name)
        return pl.DataFrame(
            [decided, *(pl.Series(f"p({label})", raw[:, c]) for c, label in enumerate(self.target.labels))]
        )

    def predict_frame(self, frame: pl.DataFrame) -> Floats:
        """Predictions for rows that `read` has made ready: numbers [N], or calibrated probabilities [N, C]."""
        parts = [
            self._predict_chunk(frame[start : start + CHUNK])
            for start in range(0, max(frame.height, 1), CHUNK)
        ]
        return np.concatenate(parts)

    def _predict_chunk(self, frame: pl.DataFrame) -> Floats:
        total: Floats | None = None
        for encoder, groups in self._groups.items():
            X = self.encoders[encoder].transform(frame)
            for shape, parameters in groups:
                values = to_values(forward(shape, parameters, X), self.encoders[encoder], self.target).sum(0)
                total = values if total is None else total + values
        assert total is not None, "a model has at least one network"
        average = total / len(self.networks)
        return (
            average if self.target.task == "regression" else tempered(average, self.calibration.temperature)
        )

    @cached_property
    def _groups(self) -> dict[int, list[tuple[Dense, NDArray[np.floating]]]]:
        """Networks that one call can predict with: by encoder, then of one shape, parameters stacked."""
        alike: dict[tuple[int, Any], list[Network]] = {}
        for network in self.networks:
            alike.setdefault((network.encoder, network.shape.structure), []).append(network)
        groups: dict[int, list[tuple[Dense, NDArray[np.floating]]]] = {}
        for (encoder, *_), members in alike.items():
            groups.setdefault(encoder, []).append(
                (members[0].shape, np.stack([m.parameters for m in members]))
            )
        return groups

    def check_level(self, level: float) -> None:
        """Refuse a level of intervals that no model calibrates."""
        if self.target.task == "regression" and level not in LEVELS:
            known = [str(each) for each in LEVELS]
            rule = Text(f"must be one of {', '.join(known)}", f"必须是 {'、'.join(known)} 之一")
            raise UsageError(Problem("level", rule, f"{level:g}"))

    def _width(self, level: float) -> float:
        if level not in self.calibration.widths:
            known = ", ".join(f"{known:g}" for known in self.calibration.widths)
            hint = Text(f"Calibrated: {known}.", f"校准过的有：{known}。")
            if not known:
                hint = Text("Calibrated: none: it predicts classes.", "没有校准过的：该模型预测类别。")
            rule = Text("must be one that was calibrated", "必须是校准过的")
            raise UsageError(Problem("level", rule, f"{level:g}", hint=hint))
        return self.calibration.widths[level]

    # The locked rows

    def open_test(self, data: Dataset | None = None) -> OpenedRows:
        """Open the locked test rows, and count it. Nothing else in manyfit does.

        Args:
            data: The table the model was trained on; not needed right after training.

        Raises:
            UsageError: If there is no table, or it is another one.
        """
        data = self._data if data is None else data
        if data is None:
            rule = Text("needs the table that the model was trained on", "需要训练该模型的那张表")
            raise UsageError(Problem("score_test", rule, hint="score_test(mf.load(...))"))
        if self.facts.get("fingerprint") not in (None, data.fingerprint):
            rule = Text("must be the table that the model was trained on", "必须是训练该模型的那张表")
            hint = Text(
                "For other rows use predict; which rows are locked is decided by the table.",
                "别的行请用 predict；哪些行被锁定由表决定。",
            )
            raise UsageError(Problem(data.name, rule, hint=hint))
        rows = holdout(data, int(self.facts.get("seed", 0))).test
        self.facts["openings"] = self.openings + 1
        if self._folder is not None:
            from manyfit.model.artefact import write_facts

            write_facts(self._folder, self)
        weights = None if data.weights is None else data.weights[rows]
        return OpenedRows(rows, data.y[rows], self.predict_frame(data.frame[rows]), weights, self.openings)

    def score_test(self, data: Dataset | None = None, metric: str | None = None) -> float:
        """The metric on the locked test rows. Every call counts as an opening.

        Args:
            data: The table the model was trained on; not needed right after training.
            metric: Name of a metric; by default the one that was trained for.
        """
        opened = self.open_test(data)
        return metric_for(self.target.task, metric or self.facts.get("metric")).score(
            opened.y, opened.predicted, opened.weights
        )

    # Keeping

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the model: `model/` with JSON and safetensors, no pickle.

        Args:
            path: A folder; made when it is not there.
            force: Replace a model that is there.

        Returns:
            The folder.

        Raises:
            RunError: If a model is there already, or the place can't be written.
        """
        from manyfit.model.artefact import write_model

        return write_model(self, Path(path), force=force)

    @staticmethod
    def load(path: str | Path) -> Model:
        """The model that `save` or `manyfit train` wrote.

        Raises:
            RunError: If there is none, or it is damaged.
        """
        from manyfit.model.artefact import load_model

        return load_model(path)

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(repr(self) + chr(10) + self.verdict)}</pre>"

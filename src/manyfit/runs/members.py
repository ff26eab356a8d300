"""`members.parquet`: one row for each network: its recipe by dotted path, its streams, its rows, and how its training ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.errors import Problem, RunError
from manyfit.population import Population
from manyfit.recipe import Recipe
from manyfit.runs.files import replacing
from manyfit.runs.ledger import Fate
from manyfit.runs.run import Run
from manyfit.text import Text

if TYPE_CHECKING:
    import polars as pl

FILE = "members.parquet"


def describe(population: Population) -> pl.DataFrame:
    """What is known of every network before it is trained.

    Returns:
        Columns member, the fields of the recipes by dotted path ("optimizer.lr", "network.hidden", "l2.strength"; null
        where a recipe has no such field), streams.init|order|noise|split, view, n_train, n_held.
    """
    import polars as pl

    flat: dict[int, dict[str, Any]] = {}
    for member in population.members:
        if id(member.recipe) not in flat:
            flat[id(member.recipe)] = flatten(member.recipe)
    members = population.members
    paths = list(dict.fromkeys(path for fields in flat.values() for path in fields))
    columns = [pl.Series("member", np.arange(len(members)))]
    for path in paths:
        values = {key: fields.get(path) for key, fields in flat.items()}
        columns.append(_series(path, [values[id(member.recipe)] for member in members]))
    for key in ("init", "order", "noise", "split"):
        columns.append(
            pl.Series(f"streams.{key}", [getattr(m.streams, key) for m in members], dtype=pl.UInt64)
        )
    columns.append(pl.Series("view", [m.rows.view for m in members], dtype=pl.String))
    columns.append(pl.Series("n_train", [len(m.rows.train) for m in members], dtype=pl.Int64))
    columns.append(pl.Series("n_held", [len(m.rows.held) for m in members], dtype=pl.Int64))
    return pl.DataFrame(columns)


def flatten(recipe: Recipe) -> dict[str, Any]:
    """The fields of a recipe by dotted path, penalties and the parts of a schedule under their own names.

    Example:
        >>> from manyfit.penalties import L2
        >>> fields = flatten(Recipe(penalties=(L2(0.01),)))
        >>> fields["optimizer.rule"], fields["network.hidden"], fields["l2.strength"]
        ('adam', [32], 0.01)
    """
    fields: dict[str, Any] = {}
    for name, value in recipe.to_dict().items():
        if name == "penalties":
            for penalty in value:
                fields.update({f"{penalty['rule']}.{k}": v for k, v in penalty.items() if k != "rule"})
        elif isinstance(value, Mapping) and "parts" in value:
            rules = [part["rule"] for part in value["parts"]]
            fields[f"{name}.rule"] = " >> ".join(rules)
            for number, part in enumerate(value["parts"]):
                place = rules[number] if rules.count(rules[number]) == 1 else number
                fields.update({f"{name}.{place}.{k}": v for k, v in part.items() if k != "rule"})
        elif isinstance(value, Mapping):
            fields.update({f"{name}.{k}": v for k, v in value.items()})
        else:
            fields[name] = value
    return fields


def write_members(folder: Path, described: pl.DataFrame, run: Run, fate: Sequence[int]) -> None:
    """Write what is known of every network now.

    Args:
        folder: The run folder.
        described: From `describe`.
        run: Where the networks stand.
        fate: [P] codes of `Fate`; those still in training get no score yet.
    """
    import polars as pl

    has_ended = np.asarray(fate) != Fate.TRAINING
    outcome = [
        pl.Series("fate", [Fate(code).name.lower() for code in fate], dtype=pl.String),
        pl.Series("fate_step", np.where(has_ended, run.fate_step, 0)),
        pl.Series("steps", run.steps),
        pl.Series("best_epoch", run.best_epoch),
        pl.Series("score", np.where(has_ended, run.score, np.nan)).fill_nan(None),
        pl.Series("final_loss", np.where(has_ended, run.final_loss, np.nan)).fill_nan(None),
    ]
    with replacing(folder / FILE) as aside:
        described.with_columns(outcome).write_parquet(aside)


def read_members(folder: Path) -> pl.DataFrame:
    """One row for each network.

    Raises:
        RunError: If the file is missing or torn.
    """
    import polars as pl

    path = folder / FILE
    try:
        return pl.read_parquet(path)
    except FileNotFoundError:
        hint = Text("A bigger job keeps them in rounds/.", "较大的任务把它们放在 rounds/ 中。")
        rule = Text("holds no networks yet", "还没有网络")
        raise RunError(Problem(str(folder), rule, hint=hint)) from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RunError(Problem(str(path), Text(f"can't be read: {error}", f"无法读取：{error}"))) from error


def _series(name: str, values: list[Any]) -> pl.Series:
    """A column of the plainest type that holds all its values."""
    import polars as pl

    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and float in kinds:
        return pl.Series(name, [None if v is None else float(v) for v in values], dtype=pl.Float64)
    if len(kinds) == 1 and kinds <= {int, bool, str}:
        return pl.Series(name, values)
    if kinds == {list} and all(type(part) is int for value in values if value for part in value):
        return pl.Series(name, values, dtype=pl.List(pl.Int64))
    return pl.Series(name, [None if v is None else str(v) for v in values], dtype=pl.String)

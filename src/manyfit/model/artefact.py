"""A model on disk: `model/model.json` for text, `model/weights.safetensors` for arrays. No pickle, no training data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from manyfit.answers import UNFINISHED
from manyfit.data import Encoder, Target
from manyfit.errors import ManyfitError, Problem, RunError
from manyfit.model.model import Calibration, Model, Network
from manyfit.networks import Dense
from manyfit.runs.files import replacing, unwritable
from manyfit.text import Text

FOLDER = "model"
TEXT = "model.json"
ARRAYS = "weights.safetensors"
SCHEMA = 1


def write_model(model: Model, path: Path, *, force: bool = False) -> Path:
    """Write a model into the folder `path`; see `Model.save`."""
    from safetensors.numpy import save_file

    folder = path / FOLDER
    if (folder / TEXT).exists() and not force:
        hint = Text(
            "Give another name; force=True (--force) replaces it.", "请换一个名字；force=True（--force）可替换它。"
        )
        rule = Text("must not exist yet: it holds a model", "不能已经存在：里面有模型")
        raise RunError(Problem(str(folder), rule, hint=hint))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    arrays = {}
    for fold, encoder in enumerate(model.encoders):
        arrays.update(
            {
                f"fold.{fold}.{name}": np.ascontiguousarray(array)
                for name, array in encoder.to_arrays()[1].items()
            }
        )
    for index, network in enumerate(model.networks):
        arrays[f"network.{index}"] = np.ascontiguousarray(network.parameters)
    with replacing(folder / ARRAYS) as aside:
        save_file(arrays, aside)
    write_facts(path, model)
    model._folder = path
    return path


def write_facts(path: Path, model: Model) -> None:
    """Write what reads as text, whole or not at all."""
    text = {
        "schema": SCHEMA,
        "target": model.target.to_dict(),
        "encoders": [encoder.to_arrays()[0] for encoder in model.encoders],
        "networks": [
            {
                "hidden": list(n.shape.hidden),
                "activation": n.shape.activation,
                "residual": n.shape.residual,
                "norm": n.shape.norm,
                "encoder": n.encoder,
                "recipe": n.recipe,
            }
            for n in model.networks
        ],
        "calibration": {
            "temperature": model.calibration.temperature,
            "widths": {f"{level:g}": width for level, width in model.calibration.widths.items()},
        },
        "facts": model.facts,
    }
    with replacing(path / FOLDER / TEXT) as aside:
        aside.write_text(json.dumps(text, ensure_ascii=False, indent=1, default=_plain), "utf-8")


def load_model(path: str | Path) -> Model:
    """The model in a folder that `Model.save` or `manyfit train` wrote.

    Args:
        path: The folder, or the `model` folder in it.

    Raises:
        RunError: If there is none, or it is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = Path(path)
    folder = path if (path / TEXT).exists() else path / FOLDER
    if not (folder / TEXT).exists():
        rule = Text("holds no model", "里面没有模型") if path.exists() else Text("does not exist", "不存在")
        hint = Text(
            "Models are written by manyfit train and Model.save.", "模型由 manyfit train 和 Model.save 写入。"
        )
        if (path / "run.toml").exists():
            hint = UNFINISHED
        raise RunError(Problem(str(path), rule, hint=hint))
    try:
        text = json.loads((folder / TEXT).read_text("utf-8"))
        if text["schema"] > SCHEMA:
            rule = Text(
                f"has format {text['schema']}, newer than {SCHEMA}", f"的格式 {text['schema']} 比 {SCHEMA} 新"
            )
            raise RunError(Problem(str(folder), rule, hint=Text("Update manyfit.", "请更新 manyfit。")))
        arrays = load_file(folder / ARRAYS)
        model = _build(text, arrays)
    except ManyfitError:
        raise
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        rule = Text("is damaged: ", "已损坏：") + f"{type(error).__name__}: {error}"
        hint = Text("Copy or train it again.", "请重新复制或重新训练。")
        raise RunError(Problem(str(folder), rule, hint=hint)) from error
    model._folder = folder.parent
    return model


def _build(text: dict[str, Any], arrays: dict[str, np.ndarray]) -> Model:
    encoders = []
    for fold, meta in enumerate(text["encoders"]):
        prefix = f"fold.{fold}."
        encoders.append(
            Encoder.from_arrays(
                meta, {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
            )
        )
    networks = [
        Network(
            Dense(
                tuple(entry["hidden"]),
                entry["activation"],
                residual=entry.get("residual", False),
                norm=entry.get("norm"),
            ),
            arrays[f"network.{index}"],
            entry["encoder"],
            entry["recipe"],
        )
        for index, entry in enumerate(text["networks"])
    ]
    calibration = text["calibration"]
    widths = {float(level): width for level, width in calibration["widths"].items()}
    return Model(
        Target.from_dict(text["target"]),
        encoders,
        networks,
        Calibration(calibration["temperature"], widths),
        text["facts"],
    )


def _plain(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"{value!r} can't be written")

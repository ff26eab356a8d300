"""The chapter's three programs run as scripts and leave its pictures, with words in both languages."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OPTIMIZERS = ["SGD", "Momentum", "RMSprop", "Adam", "AdamW"]
PICTURES = {
    "training": ("loss", ["Epoch", "Loss"], ["轮数", "损失"]),
    "optimizers": ("race", [*OPTIMIZERS, "Optimizers compared", "Epoch"], ["优化器对比", "轮数", "损失"]),
    "fitting": (
        "fits",
        ["overfits (128)", "Training loss", "Epoch", "Fits", "data"],
        ["过拟合（128）", "训练损失", "轮数", "拟合效果", "数据"],
    ),
}


def run(name, folder):
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "examples" / f"{name}.py")],
        cwd=folder,
        env=os.environ | {"PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", PICTURES)
def test_program_of_the_chapter_leaves_its_pictures_in_both_languages(name, tmp_path):
    said = run(name, tmp_path)

    picture, english, chinese = PICTURES[name]
    for language, words in (("en", english), ("zh", chinese)):
        drawn = (tmp_path / f"{picture}.{language}.svg").read_text("utf-8")
        assert [word for word in words if f">{word}<" not in drawn] == []
    if name == "training":  # as the chapter prints it, every 20 epochs
        losses = [float(loss) for loss in re.findall(r"^Epoch \d+, Loss: (\d+\.\d{4})$", said, re.M)]
        assert len(losses) == 5 and losses == sorted(losses, reverse=True)
    if name == "optimizers":
        assert len(re.findall(r"^\w+: Final Loss = \d+\.\d{4}$", said, re.M)) == 5


def code_of(text):
    """Lines that do something: no blank ones, comments, imports, nor the docstring."""
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", "import ", "from ", '"""'))]


def test_programs_have_ten_lines_of_code():
    counts = {name: len(code_of((ROOT / "examples" / f"{name}.py").read_text("utf-8"))) for name in PICTURES}

    assert counts == {"training": 8, "optimizers": 9, "fitting": 8}

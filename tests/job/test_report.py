"""The report of a whole job: kept as plain values, written again without data, in two languages, safe from names in the table."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest
from job.tables import classes, numbers, plan_for, trained

import manyfit as mf
from manyfit.answers import FILE, Answer, Text, read_answer, write_answer
from manyfit.cli import main
from manyfit.data import load
from manyfit.errors import RunError, UsageError
from manyfit.job.narrator import Silent
from manyfit.render.page import page

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


class Words(HTMLParser):
    """The text that a reader sees, the elements, and the specifications of the charts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.specs: list[str] = []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._in = "spec" if dict(attrs).get("type") == "application/json" else "code"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in == "spec":
            self.specs.append(data)
        elif not self._in:
            self.words.append(data)


@pytest.fixture(scope="module")
def regression():
    return trained(numbers(150), twin_folds=5, twin_seeds=1)


@pytest.fixture(scope="module")
def sorting():
    return trained(classes())


@pytest.fixture(scope="module", params=["regression", "sorting"])
def model(request):
    return request.getfixturevalue(request.param)


def titles(answer: Answer, lang: str = "en") -> list[str]:
    return [section.title.to(lang) for section in answer.sections]


def test_verdict_and_test_come_first_and_recipes_last(regression, sorting):
    assert titles(regression.answer) == [
        "VERDICT",
        "TEST",
        "Predicted against true",
        "Columns",
        "Would more rows pay?",
        "Learning curves",
        "Search",
        "Plan",
        "Recipes",
    ]
    assert titles(sorting.answer)[:3] == ["VERDICT", "TEST", "True and decided classes"]
    assert "Would more rows pay?" not in titles(sorting.answer)  # its plan tries nothing


def test_answer_survives_json_without_loss(model):
    text = json.dumps(model.answer.to_dict(), allow_nan=False)
    again = Answer.from_dict(json.loads(text))

    assert json.dumps(again.to_dict(), allow_nan=False) == text
    assert page([again], "zh") == page([model.answer], "zh")


def test_what_is_not_finite_survives_json():
    answer = Answer(
        "q",
        Text("a", "b"),
        (),
        Text("", ""),
        (),
        {"low": -np.inf, "n": np.int64(3), "none": None, "list": [1, 2.0]},
    )
    again = Answer.from_dict(json.loads(json.dumps(answer.to_dict(), allow_nan=False)))

    assert again.numbers == {"low": -np.inf, "n": 3, "none": None, "list": [1, 2.0]}


def test_test_table_says_the_numbers_of_the_look(regression):
    table = regression.answer.sections[1].tables[0]
    contenders = regression.facts["test"]["contenders"]

    assert [row[0].en for row in table.rows] == [each["name"] for each in contenders]
    for row, each in zip(table.rows, contenders, strict=True):
        assert float(row[1].replace(",", "")) == pytest.approx(each["score"]["estimate"], rel=0.1)
        low, high = re.split("–| to ", row[2])
        assert float(low) <= float(row[1]) <= float(high)
    assert table.rows[0][3] == ""


def test_held_out_points_are_out_of_fold_predictions_with_their_intervals(regression):
    scatter = regression.answer.sections[2].figures[0]

    assert set(scatter.x) <= set(numbers(150).y)
    np.testing.assert_allclose(scatter.high - scatter.low, 2 * regression.calibration.widths[0.9])
    assert len(scatter.x) == 120


def test_confusion_counts_every_development_row(sorting):
    grid, curve = sorting.answer.sections[2].figures

    assert grid.counts.sum() == 120
    assert set(grid.row_names) == {"north", "east", "south"}
    assert [series.name.en for series in curve.series] == ["calibrated", "as trained", "as they should be"]


def test_every_column_is_listed_with_what_was_done(regression):
    table = regression.answer.sections[3].tables[0]

    assert {row[0] for row in table.rows} == {"a", "kind", "b"}
    assert next(row for row in table.rows if row[0] == "a")[4] > 0  # cells that were missing


def test_recipes_are_told_with_every_setting(regression):
    tables = regression.answer.sections[-1].tables
    said = {str(title.en) for title in tables[0].head} | {
        str(row[0]) for table in tables[1:] for row in table.rows
    }

    assert {
        "optimizer.rule",
        "optimizer.lr",
        "network.hidden",
        "epochs",
        "batch_size",
        "schedule.rule",
    } <= said


def test_chinese_report_holds_no_english_sentence(model):
    parsed = Words(page([model.answer], "zh"))
    specs = [
        found
        for spec in parsed.specs
        for found in re.findall(r'"(?:title|description|name|kind)": ?"([^"]+)"', spec)
    ]

    for text in [*parsed.words, *specs]:
        # names stay: of metrics (log loss), settings, and libraries; three plain words in a row are a sentence
        assert not re.search(r"\b[A-Za-z]+ [a-z]+ [a-z]+\b", text), text
        assert not re.search(r"\b(the|of|rows|and|better|worse|same|cannot|warning|note)\b", text), text


def test_report_is_one_small_file_that_asks_for_nothing(model, tmp_path):
    path = mf.report(model, tmp_path / "report.html")
    text = path.read_text("utf-8")

    assert path.stat().st_size < 2e6
    for tag, attributes in Words(text).tags:
        for name in ("src", "href", "action", "data", "srcset"):
            value = attributes.get(name) or ""
            assert value.startswith(("#", "data:")) or not value, (tag, name, value)


def test_hostile_names_go_through_the_whole_job_and_inject_nothing(tmp_path):
    draw = np.random.default_rng(0)
    x, kind = draw.normal(size=(2, 120)), draw.choice([HOSTILE, "{{ 7 * 7 }}", "${alert(3)}"], 120)
    frame = pl.DataFrame(
        {HOSTILE: x[0], "{{ 6 * 7 }}\u2028\x1b[31m": x[1], "`'\"\\": kind, f"y {HOSTILE}": 2 * x[0] + x[1]}
    )
    data = load(frame, f"y {HOSTILE}", name=f"{HOSTILE}.csv")
    mf.train(
        data, plan=plan_for(data, twin_folds=5, twin_seeds=1), seed=3, out=tmp_path / "h", narrator=Silent()
    )

    parsed = Words((tmp_path / "h" / "report.html").read_text("utf-8"))

    assert not [
        tag
        for tag, attributes in parsed.tags
        if tag == "img" or any(name.startswith("on") for name in attributes)
    ]
    n_charts = len(parsed.specs)
    assert sum(tag == "script" for tag, _ in parsed.tags) == n_charts + 1
    assert "42" not in " ".join(parsed.words[:40])
    assert any(HOSTILE in json.dumps(json.loads(spec)) for spec in parsed.specs)


def test_folder_alone_gives_the_same_report_in_any_language(tmp_path):
    data = classes()
    model = mf.train(data, plan=plan_for(data), seed=3, out=tmp_path / "c", narrator=Silent())

    again = mf.report(tmp_path / "c", tmp_path / "again.html", lang="en")

    assert again.read_bytes() == (tmp_path / "c" / "report.html").read_bytes()
    assert mf.load_model(tmp_path / "c").answer.to_dict() == model.answer.to_dict()
    assert mf.load_model(tmp_path / "c").verdict == model.verdict != ""


def test_report_is_written_without_what_trains_or_reads_tables(regression, tmp_path):
    write_answer(regression.answer, tmp_path)
    code = (
        "import sys; sys.modules['torch'] = sys.modules['manyfit._native'] = None\n"
        "from manyfit.cli import main\n"
        f"main(['report', {str(tmp_path)!r}, '-o', {str(tmp_path / 'r.html')!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "VERDICT" in (tmp_path / "r.html").read_text("utf-8")


def test_reports_of_several_folders_lie_side_by_side(regression, sorting, tmp_path):
    write_answer(regression.answer, tmp_path)
    text = mf.report([tmp_path, sorting], tmp_path / "both.html", lang="en").read_text("utf-8")

    assert [tag for tag, _ in Words(text).tags].count("article") == 2
    assert "numbers: predicting y" in text and "classes: predicting way" in text


def test_command_refuses_a_file_that_is_there_and_a_folder_without_an_answer(regression, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "old.html").write_text("mine")
    write_answer(regression.answer, tmp_path)

    for arguments, said in (
        ([str(tmp_path), "-o", str(tmp_path / "old.html")], "must not exist yet"),
        ([str(tmp_path / "empty"), "-o", str(tmp_path / "new.html")], "holds no answer"),
        ([str(tmp_path / "gone"), "-o", str(tmp_path / "new.html")], "does not exist"),
    ):
        with pytest.raises(SystemExit) as end:
            main(["report", *arguments])
        assert end.value.code == 2
        assert said in capsys.readouterr().err
    assert (tmp_path / "old.html").read_text() == "mine"
    assert not (tmp_path / "new.html").exists()


def test_damaged_answer_is_one_clear_error(tmp_path):
    for text in ("{", '{"is": "Text", "en": "a", "zh": "b"}', '{"is": "Answer"}', "[1]"):
        (tmp_path / FILE).write_text(text)
        with pytest.raises(RunError, match="is damaged"):
            read_answer(tmp_path)


def test_nothing_to_show_is_refused(tmp_path):
    with pytest.raises(UsageError, match="needs something to show"):
        mf.report([], tmp_path / "r.html")
    with pytest.raises(UsageError, match="shows models, answers and run folders"):
        mf.report([3], tmp_path / "r.html")

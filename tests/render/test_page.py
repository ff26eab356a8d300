"""The report: one file, no request, nothing injected, both languages."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from manyfit.answers import Answer, Bars, Scatter, Section, Table, Text
from manyfit.data import load
from manyfit.engines.choose import fit
from manyfit.population import Population
from manyfit.questions import Question, TableRows, Task, ask, default_recipe, measure_for
from manyfit.questions.compare import Compare
from manyfit.questions.learning_rate import LearningRate
from manyfit.questions.search import Search
from manyfit.render.bundle import bundle
from manyfit.render.document import report
from manyfit.render.page import page
from manyfit.runs import Run

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def answer() -> Answer:
    scatter = Scatter(
        Text("Predicted against true", "预测与真实"),
        np.arange(3.0),
        np.arange(3.0),
        Text("true", "真实"),
        Text("predicted", "预测"),
    )
    bars = Bars(
        Text("Columns", "列"),
        (HOSTILE,),
        np.ones(1),
        np.zeros(1),
        np.full(1, 2.0),
        Text("importance", "重要性"),
    )
    table = Table(
        (Text("model", "模型"), Text("RMSE", "RMSE")),
        ((HOSTILE, 23900.0), (Text("mean", "均值"), 79400.0)),
        Text("Test", "测试"),
    )
    section = Section(
        Text("TEST", "测试"),
        (Text("Seen once.", "只看过一次。"),),
        (scatter, bars),
        (table,),
        (Text("On 5 folds.", "五折。"),),
    )
    return Answer(
        "train",
        Text(f"{HOSTILE} → price", f"{HOSTILE} → 价格"),
        (Text("Yes.", "是。"),),
        Text("test rows", "测试行"),
        (section,),
    )


class Elements(HTMLParser):
    """Counts the elements that a browser would see, outside scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def elements(text: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Elements()
    parser.feed(text)
    return parser.tags


def test_page_asks_for_nothing_outside_itself(answer: Answer) -> None:
    for tag, attributes in elements(page([answer])):
        for name in ("src", "href", "action", "data", "srcset"):
            value = attributes.get(name) or ""
            assert value.startswith(("#", "data:")) or not value, (tag, name, value)


def test_hostile_name_makes_no_element_of_its_own(answer: Answer) -> None:
    tags = elements(page([answer]))

    assert not [tag for tag, attributes in tags if tag == "img" or "onerror" in attributes]
    # Two charts' data and the script that draws them.
    assert sum(tag == "script" for tag, _ in tags) == 3


def test_data_of_a_chart_survives_its_escaping(answer: Answer) -> None:
    found = re.findall(
        r'<script type="application/json" id="spec-\d+">(.*?)</script>', page([answer]), flags=re.DOTALL
    )

    assert [json.loads(text)["description"] for text in found] == ["Predicted against true", "Columns"]
    assert HOSTILE in json.dumps(json.loads(found[1]))


def test_chinese_page_says_so_and_speaks_it(answer: Answer) -> None:
    text = page([answer], "zh")

    assert '<html lang="zh-Hans">' in text
    assert "只看过一次。" in text and "Seen once." not in text


def test_page_has_headings_in_order_and_a_table_for_each_chart(answer: Answer) -> None:
    tags = elements(page([answer]))

    assert [tag for tag, _ in tags if tag in ("h1", "h2", "h3")] == ["h1", "h2"]
    assert sum(tag == "figure" for tag, _ in tags) == sum(tag == "details" for tag, _ in tags) - 1


def test_what_the_answer_says_at_the_top_is_not_said_twice(answer: Answer) -> None:
    section = dataclasses.replace(answer.sections[0], statement=(*answer.statement, Text("More.", "更多。")))

    text = page([dataclasses.replace(answer, sections=(section,))])

    assert text.count("<p class=\"statement\">Yes.</p>") == 1
    assert "<p class=\"statement\">More.</p>" in text


def test_contents_of_several_answers_say_whose_a_part_is(answer: Answer) -> None:
    other = dataclasses.replace(answer, question="compare", title=Text("Which?", "哪个？"))

    links = [attributes.get("href") for tag, attributes in elements(page([answer, other])) if tag == "a"]
    assert links == ["#answer", "#train-0", "#train-0-0", "#compare-1", "#compare-1-0"]
    assert "#train-0" not in [attributes.get("href") for _, attributes in elements(page([answer]))]


def test_answers_of_one_headline_are_told_apart(answer: Answer) -> None:
    def headlines(*plans: str) -> list[str]:
        same = [dataclasses.replace(answer, title=Text("Which?", "哪个？"), plan=plan) for plan in plans]
        return re.findall(r"<h1[^>]*>(.*?)</h1>", page(same))

    assert headlines("80fe") == ["Which?"]
    assert headlines("80fe", "df1e") == ["Which? (80fe)", "Which? (df1e)"]
    assert headlines("80fe", "80fe", "") == ["Which? (1)", "Which? (2)", "Which? (3)"]


def test_no_line_ends_within_a_number_with_its_interval(answer: Answer) -> None:
    said = Text("adam: −0.58 [−0.80, −0.29] % in 3, 4 or 18 % [17, 19]", "")

    assert "−0.58\xa0[−0.80,\xa0−0.29]\xa0% in 3, 4 or 18\xa0%\xa0[17,\xa019]" in page(
        [dataclasses.replace(answer, statement=(said,))]
    )


def test_no_line_ends_at_the_hyphen_of_a_rate_a_flag_or_of_layers(answer: Answer) -> None:
    said = Text("Take 64-32 at 3.2e-4: --depths tells of a well-known best-of-3.", "取 64-32。")
    text = page([dataclasses.replace(answer, statement=(said,))])
    whole = '<span class="short">{}</span>'.format
    assert f"Take {whole('64-32')} at {whole('3.2e-4')}: {whole('--depths')} tells of a well-known best-of-3." in text


def test_parts_of_a_note_that_a_terminal_sets_apart_have_lines_of_their_own(answer: Answer) -> None:
    note = Text("same: within 0.1   pairing made no interval narrower", "相同：0.1 以内   配对没有使区间缩小")
    text = page([dataclasses.replace(answer, notes=(note,))])
    assert '<p class="caption">same: within 0.1</p>' in text
    assert '<p class="caption">pairing made no interval narrower</p>' in text


def test_numbers_of_a_chart_have_a_real_minus_and_no_rounding_left_of_zero(answer: Answer) -> None:
    values = np.array([-0.25]), np.array([-4e-15])
    bars = Bars(Text("Differences", "差"), ("a",), values[1], values[0], np.array([0.25]), Text("RMSE", "RMSE"))
    section = dataclasses.replace(answer.sections[0], figures=(bars,))
    text = page([dataclasses.replace(answer, sections=(section,))])
    assert "<td>0</td><td>−0.250</td><td>0.250</td>" in text


def test_row_without_a_name_has_no_empty_header(answer: Answer) -> None:
    table = Table((Text("", ""), Text("n", "n")), ((Text("a", "甲"), 1), (Text("", ""), 2)), Text("t", "表"))
    section = dataclasses.replace(answer.sections[0], tables=(table,))

    text = page([dataclasses.replace(answer, sections=(section,))])

    assert text.count('<th scope="row"') == 1 and not re.search(r"<th[^>]*></th>", text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "plan",
    [
        LearningRate(points=100, replicates=100, confirm=3, widen=0),
        Compare(points=12, replicates=120, fresh=2, confirm=3, widen=0),
        Search(trials=5000, replicates=2, fresh=3, confirm=3),
    ],
    ids=lambda plan: type(plan).__name__,
)
def test_report_of_ten_thousand_networks_is_less_than_three_megabytes(plan: Question) -> None:
    """A figure holds what a reader can see, not every network."""
    data = load("line", leaks=False)
    recipe = default_recipe("regression", 60).set("network.hidden", (2,)).set("epochs", 1)
    sizes: list[int] = []

    def counted(population: Population) -> Run:
        sizes.append(len(population))
        return fit(population)

    answer = ask(plan, Task("line", TableRows(data), recipe, measure_for("regression")), fit=counted)

    assert sizes[0] >= 10_000
    for language in ("en", "zh"):
        assert len(page([answer], language).encode()) < 3_000_000


def test_old_report_stays_whole_when_the_new_one_fails(answer: Answer, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")

    torn = dataclasses.replace(answer, title=Text("half a character: \ud83d", "半个字符"))
    with pytest.raises(UnicodeEncodeError):  # when half of it could be written
        report(torn, path, lang="en")

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_rendering_never_imports_torch() -> None:
    code = "import sys; sys.modules['torch'] = None; import manyfit.render.page, manyfit.render.charts"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_script_of_the_charts_is_made_once_and_a_damaged_copy_is_made_again(tmp_path, monkeypatch):
    made = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("vl_convert.javascript_bundle", lambda text: made.append(text) or "draw('</script>')")

    texts = []
    for damage in (None, "", "draw("):
        bundle.cache_clear()
        if damage is not None:
            (file,) = (tmp_path / "manyfit").iterdir()
            file.write_text(damage)
        texts.append(bundle())
        bundle.cache_clear()
        texts.append(bundle())
    bundle.cache_clear()

    assert len(made) == 3
    assert len(set(texts)) == 1
    assert "</script" not in texts[0]


def test_script_of_the_charts_needs_no_place_to_be_kept(tmp_path, monkeypatch):
    (tmp_path / "manyfit").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("vl_convert.javascript_bundle", lambda text: text)
    bundle.cache_clear()

    assert bundle().startswith("window.vegaEmbed")
    bundle.cache_clear()

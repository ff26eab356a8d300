"""The result as lines: aligned in both languages, digits by uncertainty, no more said than is known."""

import math
from copy import deepcopy

import pytest
from rich.cells import cell_len

from manyfit.job.wording import fit_sentence, remedies_table
from manyfit.render import result
from manyfit.render.result import aligned, closing_lines, verdict_lines
from manyfit.render.verdict import fit_lines


def score(estimate, low, high):
    return {"estimate": estimate, "low": low, "high": high}


def contender(name, own, minus=None, finding=None, **others):
    return {
        "name": name,
        "score": score(*own),
        "minus": minus and score(*minus),
        "finding": finding,
        "others": others,
    }


TEST = {
    "opening": 1,
    "metric": "rmse",
    "covered": score(0.89, 0.85, 0.92),
    "contenders": [
        contender("manyfit", (23931.0, 21400.0, 26800.0), mae=15012.0, r2=0.91),
        contender("boosting", (25731.0, 22900.0, 29100.0), (1800.0, 300.0, 3400.0), "worse"),
        contender("mean", (79400.0, 72100.0, 87000.0), (55469.0, 50000.0, 61000.0), "worse"),
    ],
}
FACTS = {
    "test": TEST,
    "margin": 0.01,
    "openings": 1,
    "answer": {"code": "yes", "rival": "boosting", "share": 0.07, "low": 0.012, "high": 0.132},
    "edges": [["network.hidden", "highest", 256], ["optimizer.lr", "lowest", 0.00051]],
}


def test_table_is_the_one_that_was_promised():
    title, first, second, third, beside = result.test_lines(TEST)

    assert title.split("  ")[0] == "TEST, first look"
    assert first.split() == ["manyfit", "23,900", "21,400–26,800"]
    assert second.split() == ["boosting", "25,700", "22,900–29,100", "+1,800", "[+300,", "+3,400]", "worse"]
    assert third.startswith("mean")
    assert beside == "beside it  MAE 15,000, R² 0.910"


def test_shares_are_written_as_percent():
    test = deepcopy(TEST) | {"metric": "accuracy"}
    test["contenders"] = [
        contender("manyfit", (0.9861, 0.97, 0.995)),
        contender("linear", (0.96, 0.94, 0.98), (-0.026, -0.05, -0.01), "worse"),
    ]

    title, first, second = result.test_lines(test)

    assert "accuracy %" in title
    assert first.split() == ["manyfit", "98.6", "97.0–99.5"]
    assert "−2.6 [−5.0, −1.0] worse" in second


def test_score_of_almost_nothing_gives_no_endless_decimals():
    test = deepcopy(TEST) | {"metric": "log_loss"}
    test["contenders"] = [
        contender("manyfit", (2e-9, 0.0, 4e-9)),
        contender("linear", (0.38, 0.1, 0.6), (0.38, 0.1, 0.6), "worse"),
    ]

    assert max(len(word) for line in result.test_lines(test)[1:] for word in line.split()) < 16


def test_columns_stand_under_each_other_in_chinese_too():
    lines = result.test_lines(TEST, "zh")[:4]
    places = {cell_len(line[: line.index("–" if "–" in line else "95 %")]) for line in lines[1:]}

    assert len(places) == 1
    assert aligned([["均值", "1", "x", "y"], ["manyfit", "22", "xx", "y"]]) == [
        "均值      1  x   y",
        "manyfit  22  xx  y",
    ]


def test_huge_share_of_next_to_nothing_is_said_in_the_metric_itself():
    answer = FACTS["answer"] | {"code": "unknown", "share": 953.0, "low": -1633.0, "high": 284.0}
    facts = FACTS | {"answer": answer | {"difference": [0.11, -0.19, 0.033]}}

    assert "0.11" in verdict_lines(facts)[0] and "%" not in verdict_lines(facts)[0]


@pytest.mark.parametrize(
    ("code", "share", "said"),
    [
        ("yes", 0.07, "Yes, a network: 7.0 % better than boosting [1.2 %, 13 %]."),
        ("no", -0.07, "No: boosting is 7.0 % better than the networks [−13 %, −1.2 %]."),
        ("same", 0.001, "boosting is the same within 1 %"),
        ("unknown", 0.07, "Can't tell whether a network is needed: 7.0 % better than boosting, interval"),
        ("unknown", -0.07, "Can't tell whether a network is needed: 7.0 % worse than boosting, interval"),
        ("nothing", 0.07, "No signal shown: what the networks gain on the boosting, which looks at no column, is 7.0 %"),
    ],
)
def test_answer_says_what_was_shown(code, share, said):
    facts = FACTS | {"answer": FACTS["answer"] | {"code": code, "share": share}}

    assert said in verdict_lines(facts)[0]


def test_coverage_of_few_rows_says_that_it_says_little():
    few = TEST | {"covered": score(1.0, 0.76, 1.0) | {"n": 12}}

    assert "cover 100 % [76, 100] of test rows: 12 rows are too few to tell" in "\n".join(verdict_lines(FACTS | {"test": few}))
    known = TEST | {"covered": score(0.5, 0.25, 0.75) | {"n": 12}}
    assert "too few" not in "\n".join(verdict_lines(FACTS | {"test": known}))  # they tell that the promise is not kept
    assert "12 行太少" in "\n".join(verdict_lines(FACTS | {"test": few}, "zh"))
    assert "too few" not in "\n".join(verdict_lines(FACTS))


def test_table_of_few_rows_says_first_how_little_it_tells():
    few = {"notes": [{"code": "few_rows"}], "rows": {"test": 12, "development": 48}}

    assert verdict_lines(FACTS | few)[1].startswith("  few      only 60 rows, 12 of them locked for the test")
    assert verdict_lines(FACTS | few, "zh")[1].startswith("  行少     只有 60 行，其中 12 行")


def test_search_that_was_cut_to_next_to_nothing_is_said():
    search = {"rungs": [{"recipes": 64}], "planned": 352, "is_small": True, "needs_s": 44}

    lines = "\n".join(verdict_lines(FACTS | {"search": search}))

    assert "search   64 of 352 recipes tried: a better one may well exist   --budget 44" in lines
    ended = "\n".join(verdict_lines(FACTS | {"search": search | {"needs_s": None}}))
    assert "may well exist" in ended and "--budget" not in ended
    assert "recipes tried" not in "\n".join(verdict_lines(FACTS | {"search": search | {"is_small": False}}))


def test_edges_coverage_and_later_looks_are_said():
    lines = "\n".join(verdict_lines(FACTS | {"openings": 3}))

    assert "width 256 is the largest tried   --max-width 512" in lines
    assert "optimizer.lr 0.00051 lies at the lower end" in lines
    assert "cover 89 % [85, 92] of test rows" in lines
    assert "test rows opened 3 times" in lines


def test_interrupted_job_says_so_before_anything_else():
    facts = FACTS | {"interrupted": ["search", "twins"]}

    assert verdict_lines(facts)[0].startswith("VERDICT  Interrupted (search, remedies). Yes, a network")
    assert verdict_lines(facts, "zh")[0].startswith("结论  已中断（搜索, 试办法）。需要网络")


def test_plan_that_was_printed_first_is_named_beside_what_was_carried_out():
    facts = {"plan_hash": "7c21", "planned_hash": "a3f9"}

    assert any("plan   7c21: what was carried out of a3f9" in line for line in closing_lines(facts, "h.manyfit"))
    assert any(
        line == "plan   7c21   manyfit train --config h.manyfit repeats it"
        for line in closing_lines(facts | {"planned_hash": "7c21"}, "h.manyfit")
    )


def test_remedies_whose_networks_diverged_have_a_finding_and_no_number():
    inf = math.inf
    told = {"estimate": -0.2, "low": -0.3, "high": -0.1, "level": 0.95, "n": 6, "scope": "", "method": ""}
    lost = told | {"estimate": inf, "low": inf, "high": inf}
    fit = {
        "code": "underfitting",
        "score_name": "RMSE",
        "train": 1.0,
        "held": 1.2,
        "is_part": False,
        "n_train": 100,
        "margin": 0.01,
        "remedies": {
            "larger": {"difference": told, "finding": "better", "margin": 0.012, "more": 0},
            "longer": {"difference": lost, "finding": "worse", "margin": 0.012, "more": 0},
        },
        "again": {"name": {"en": "twice the width", "zh": "宽度加倍"}, "difference": told, "finding": "better"},
        "doubling": told,
    }

    lines = fit_lines(fit)

    assert lines[1] == "  tried    twice the width −0.20 [−0.30, −0.10] better; twice the epochs worse"
    assert lines[2] == "  again    twice the width −0.20 [−0.30, −0.10] better with fresh seeds"
    assert "  再试     宽度加倍 −0.20 [−0.30, −0.10] 更好（全新的种子）" in fit_lines(fit, "zh")
    assert [row[1] for row in remedies_table(fit).rows] == ["−0.20 [−0.30, −0.10]", "–"]


def test_fit_of_a_recipe_that_diverged_says_so_instead_of_scores_that_it_has_not():
    fit = {"tried": True, "code": "cannot-tell", "held": math.inf, "train": math.inf, "score_name": "RMSE"}

    (line,), (chinese,) = fit_lines(fit), fit_lines(fit, "zh")

    assert line == "  fit      cannot tell: some of its trainings diverged, so no remedy can be judged"
    assert "部分训练发散" in chinese
    assert fit_sentence(fit).en == "Fit: cannot tell; some of its trainings diverged, so no remedy can be judged."

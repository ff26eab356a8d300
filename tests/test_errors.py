import pickle

import pytest

from manyfit.errors import ManyfitError, Problem, RecipeError, UnknownNameError, did_you_mean, spans
from manyfit.text import Text


def test_problem_says_where_rule_got_who_and_what_to_try():
    problem = Problem("Adam.lr", "must be ≥ 0", "-0.1", (7,), "Usual values are 1e-5 to 1.")

    assert str(problem) == "Adam.lr must be ≥ 0, got -0.1 (network 7). Usual values are 1e-5 to 1."


def test_a_problem_is_told_in_chinese_too():
    rule, hint = Text("must be ≥ 0", "必须 ≥ 0"), Text("The default is 0.001.", "默认值是 0.001。")
    problem = Problem("Adam.lr", rule, "-0.1", (7, 8), hint)

    assert problem.to("zh") == "Adam.lr 必须 ≥ 0，得到 -0.1（网络 7–8）。默认值是 0.001。"
    assert str(problem) == "Adam.lr must be ≥ 0, got -0.1 (networks 7–8). The default is 0.001."
    assert Problem("", Text("is it there?", "在吗？")).to("zh") == "在吗？"


def test_several_problems_have_a_chinese_headline():
    error = RecipeError((Problem("a", "= 1"), Problem("b", "= 2")), Text("this recipe", "这个配方"))

    assert error.to("zh") == "这个配方有 2 个问题\n  a = 1。\n  b = 2。"
    assert str(error) == error.to("en") == "2 problems in this recipe\n  a = 1.\n  b = 2."


def test_problem_without_details_is_one_sentence():
    assert str(Problem("epochs", "must be ≥ 0")) == "epochs must be ≥ 0."
    assert str(Problem("", "is it there?")) == "is it there?"


def test_one_problem_is_its_own_message():
    assert str(RecipeError(Problem("epochs", "must be ≥ 0", "-3"))) == "epochs must be ≥ 0, got -3."


def test_a_plain_sentence_stays_as_it_is():
    assert str(ManyfitError("nothing to train")) == "nothing to train"


def test_several_problems_are_reported_together():
    error = RecipeError((Problem("a", "must be 1"), Problem("b", "must be 2")), "this population")

    assert str(error) == "2 problems in this population\n  a must be 1.\n  b must be 2."
    assert [problem.where for problem in error.problems] == ["a", "b"]


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ([3], "network 3"),
        ([3, 3], "network 3"),
        ([1, 2], "networks 1–2"),
        ([7, 1, 3, 2], "networks 1–3, 7"),
        ([0, 2, 4], "networks 0, 2, 4"),
    ],
)
def test_networks_are_named_by_spans(members, text):
    assert spans(members) == text


def test_hint_names_the_nearest_whatever_its_case():
    assert did_you_mean("ADM", ["adam", "sgd"]).en == "Did you mean 'adam'? Known: adam, sgd."
    assert did_you_mean("ADM", ["adam", "sgd"]).zh == "是不是 'adam'？已知：adam, sgd。"
    assert did_you_mean("lotarea", ["LotArea", "Price"]).en.startswith("Did you mean 'LotArea'?")


def test_hint_stays_short_among_many_names():
    many = did_you_mean("zz", [f"column{i:03}" for i in range(100)])
    assert many.en.endswith("column029 and 70 more.") and many.zh.endswith("column029 等，另有 70 个。")
    assert not did_you_mean("zz", [])


def test_errors_travel_between_processes():
    error = RecipeError([Problem("a", "must be 1", who=(1, 2)), Problem("b", "must be 2")], "this recipe")

    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is RecipeError
    assert (str(copy), copy.problems, copy.scope) == (str(error), error.problems, "this recipe")


def test_errors_can_be_caught_as_what_python_would_have_raised():
    assert issubclass(RecipeError, ValueError)
    assert issubclass(UnknownNameError, KeyError)
    assert str(UnknownNameError(Problem("", "unknown optimizer 'adm'"))) == "unknown optimizer 'adm'"

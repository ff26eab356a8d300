"""What is said while a job runs: a bar on a terminal, lines in a log, both languages, nothing on stdout."""

import dataclasses
import io
import re
from types import SimpleNamespace

import numpy as np
import pytest
from job.tables import numbers, plan_for

from manyfit.job import Job, Options
from manyfit.job.narrator import Progress
from manyfit.render.numbers import compact, digits_for, ranged, written
from manyfit.render.phrases import PHRASES, language, say
from manyfit.render.terminal import Terminal, percent

MOVED = Progress("search", done=3, total=8, alive=5, diverged=1, best=0.25, left_s=12.4)


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_log_gets_a_line_now_and_then():
    now = [0.0]
    stream = io.StringIO()
    terminal = Terminal("en", stream=stream, clock=lambda: now[0])

    for second in range(25):
        now[0] = float(second)
        terminal.progress(MOVED)

    lines = stream.getvalue().splitlines()
    assert lines == ["search  3/8  alive 5  diverged 1  best 0.250  12 s left"] * 2


def test_terminal_gets_a_bar_that_goes_away(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = Screen()
    terminal = Terminal("en", stream=stream)

    terminal.progress(MOVED)
    assert terminal._bar is not None
    terminal.say("testing")

    assert terminal._bar is None
    assert "3/8  alive 5" in stream.getvalue()


def test_quiet_terminal_says_warnings_only():
    stream = io.StringIO()
    terminal = Terminal("en", stream=stream, quiet=True)

    terminal.progress(MOVED)
    terminal.say("testing")
    terminal.found(numbers())
    terminal.warn("mind this")

    assert stream.getvalue() == "! mind this\n"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_whole_job_is_told_in_one_language_and_never_on_stdout(lang, capsys):
    data = numbers()
    stream = io.StringIO()
    narrator = Terminal(lang, stream=stream)
    narrator.found(data)

    Job(data, Options(plan=plan_for(data), seed=3, threads=1), narrator=narrator).run()

    told = stream.getvalue()
    assert capsys.readouterr() == ("", "")
    assert "6→3" in told
    assert bool(re.search(r"[一-鿿]", told)) == (lang == "zh")


def test_diverged_networks_are_told_with_the_rate_that_explains_them():
    rates = (1e-3, 1e-2, 0.1, 0.2, 0.3, 1e-3, 1e-2, 1e-2)
    recipes = [SimpleNamespace(optimizer=SimpleNamespace(lr=rate)) for rate in rates]
    rungs = [SimpleNamespace(rung=SimpleNamespace(recipes=8), recipes=recipes)]
    sharp = SimpleNamespace(
        rungs=rungs, diverged=[(0.1, "SGD"), (0.2, "SGD"), (0.3, "SGD")], paid_out=False, interrupted=False
    )
    vague = SimpleNamespace(
        rungs=rungs, diverged=[(1e-3, "SGD"), (0.2, "SGD"), (0.3, "SGD")], paid_out=True, interrupted=True
    )
    stream = io.StringIO()
    terminal = Terminal("en", stream=stream)

    terminal.say("searched", search=sharp, seconds=4.2)
    terminal.say("searched", search=vague, seconds=4.2)

    first, second, *rest = stream.getvalue().splitlines()
    assert first.endswith("diverged 3 (all lr > 0.1)")
    assert second.endswith("diverged 3")
    assert len(rest) == 2


@pytest.mark.parametrize(
    ("planned", "paid_out", "ladder"),
    [((64, 16), False, "64→16 "), ((352, 88, 22), False, "64→16 of 352→88→22 "), ((352, 88, 22), True, "64→16 ")],
)
def test_search_that_was_cut_says_of_how_much(planned, paid_out, ladder):
    def rungs(sizes):
        return [SimpleNamespace(rung=SimpleNamespace(recipes=n), recipes=n) for n in sizes]

    found = SimpleNamespace(rungs=rungs((64, 16)), diverged=[], paid_out=paid_out, interrupted=False)
    plan = SimpleNamespace(rungs=rungs(planned))
    stream = io.StringIO()

    Terminal("en", stream=stream).say("searched", search=found, seconds=8.0, plan=plan)

    assert stream.getvalue().splitlines()[0] + " " == f"search      8 s  {ladder}"


def test_latest_rows_are_told_as_such():
    stream = io.StringIO()
    data = dataclasses.replace(numbers(), time=np.arange(120.0))

    Job(data, Options(plan=plan_for(data), seed=3, threads=1), narrator=Terminal("en", stream=stream)).prepare()

    assert "test 24 rows, the latest, locked; 5 folds on the 96 before, each later than its training rows" in stream.getvalue()


def test_every_phrase_has_the_same_places_in_both_languages():
    for key, phrase in PHRASES.items():
        places = [set(re.findall(r"\{(\w+)", text)) for text in phrase]
        assert places[0] == places[1], key


def test_language_is_the_one_asked_for_or_the_locale(monkeypatch):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert (language(), language("en"), language("zh-Hans")) == ("zh", "en", "zh")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert language() == "en"
    assert say("rung", "zh") == "1 轮"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.1, "0.100"), (float("nan"), "–"), (-1234.0, "−1,230"), (1e-7, "0.000000100")],
)
def test_compact_number_has_three_digits(value, text):
    assert compact(value) == text


def test_digits_follow_the_uncertainty():
    assert [digits_for(w) for w in (0.5, 5.0, 50.0, 0.0, float("inf"))] == [2, 1, 0, 3, 3]
    assert written(float("inf"), 2) == "∞"
    assert ranged(0.1, 0.25, 2) == "0.10–0.25"
    assert percent(0.015) == "1.5 %"

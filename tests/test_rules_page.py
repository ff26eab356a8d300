"""The page of the rules is true: it names every rule with its settings, and torch's names are those that torch has."""

import inspect
import re
from pathlib import Path

import pytest
import torch

from manyfit import losses, optimizers, penalties, schedules
from manyfit.hyper import knobs
from manyfit.registry import folded

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ("rules.md", "rules.zh.md")
ROOMS = (optimizers, schedules, losses, penalties)
HOMES = (torch.optim, torch.optim.lr_scheduler, torch.nn, None)


def tables(page):
    """The four tables: name, torch's name, settings with torch's names where they are others."""
    found = []
    for part in re.split(r"^## ", (DOCS / page).read_text("utf-8"), flags=re.M)[1 : 1 + len(ROOMS)]:
        table = {}
        for line in re.findall(r"^\| `.*\|$", part, re.M):
            name, _, theirs, settings, _ = (cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
            pairs = re.findall(r"`([^`]+)`(?: → `([^`]+)`)?", settings)
            table[name.strip("`")] = (theirs.strip("`").replace("–", ""), dict(pairs))
        found.append(table)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_page_names_every_rule_with_its_settings(page):
    for room, table in zip(ROOMS, tables(page), strict=True):
        rules = {name: rule for name, rule in room.registry.all().items() if room.registry.origin(name) == "manyfit"}
        assert set(table) == set(rules)
        for name, rule in rules.items():
            assert set(table[name][1]) == set(knobs(rule)), name


@pytest.mark.parametrize("page", PAGES)
def test_names_of_torch_on_the_page_are_those_that_torch_has(page):
    for room, home, table in zip(ROOMS, HOMES, tables(page), strict=True):
        for name, (theirs, settings) in table.items():
            if not theirs:
                continue
            options = inspect.signature(getattr(home, theirs)).parameters
            for ours, option in settings.items():
                assert not option or re.sub(r"\[\d\]", "", option) in options, (name, ours)
            rule = room.registry.find(name)
            if room is optimizers:
                assert rule.oracle[0] == f"torch.optim.{theirs}"
                assert {ours: settings[ours] or ours for ours in settings} == dict(rule.oracle[1])
            else:
                assert room.registry.get(theirs) is rule
                assert folded(theirs) in {folded(name), *map(folded, getattr(rule, "aliases", ()))}


def test_both_languages_say_the_same_of_names_and_settings():
    assert tables(PAGES[0]) == tables(PAGES[1])

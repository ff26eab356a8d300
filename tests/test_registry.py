import sys
from importlib import metadata

import pytest

from manyfit import losses, optimizers, penalties, schedules
from manyfit.errors import RecipeError, UnknownNameError
from manyfit.registry import Registry, discover, name_of


class Rule:
    pass


class AnotherRule:
    pass


def test_names_come_from_class_names():
    class SGD:
        pass

    class WarmUp2Cosine:
        pass

    class Named:
        name = "given"

    class Heir(Named):
        pass

    assert [name_of(c) for c in (SGD, WarmUp2Cosine, AnotherRule, Named)] == ["sgd", "warm_up2_cosine", "another_rule", "given"]
    assert name_of(Named()) == "given"
    assert name_of(Heir) == "heir"


def test_a_name_is_taken_once():
    registry = Registry("optimizer")
    registry.add("rule", Rule)
    registry.add("rule", Rule)

    with pytest.raises(RecipeError, match=r"optimizer 'rule' must be registered once only; \S*test_registry already has"):
        registry.add("rule", AnotherRule)


def test_unknown_name_gets_a_hint():
    with pytest.raises(UnknownNameError, match=r"unknown optimizer 'adm'. Did you mean 'adam'. Known: adagrad, adam, adamw, "):
        optimizers.registry.find("adm")


def test_rules_of_the_package_are_found():
    assert {"adam", "adamw", "momentum", "sgd"} <= optimizers.registry.all().keys()
    assert {"constant", "cosine", "warmup"} <= schedules.registry.all().keys()
    assert {"bce", "cross_entropy", "mse"} <= losses.registry.all().keys()
    assert {"l1", "l2"} <= penalties.registry.all().keys()


def test_kinds_have_plurals():
    assert [r.plural for r in (optimizers.registry, schedules.registry, losses.registry, penalties.registry)] == [
        "optimizers",
        "schedules",
        "losses",
        "penalties",
    ]


def test_entry_points_of_other_packages_are_found(monkeypatch):
    asked = []

    class Entry:
        name = "rule"

        def load(self):
            return Rule

    def entry_points(group):
        asked.append(group)
        return [Entry()]

    monkeypatch.setattr(metadata, "entry_points", entry_points)
    registry = Registry("loss")

    assert registry.find("rule") is Rule
    assert list(registry.all()) == ["rule"]
    assert registry.origin("rule") == "another package"
    assert asked == ["manyfit.losses"]


def test_discovery_imports_every_file_that_has_no_underscore(tmp_path, monkeypatch):
    room = tmp_path / "a_room"
    room.mkdir()
    (room / "__init__.py").write_text("")
    (room / "rule.py").write_text("seen = True")
    (room / "_hidden.py").write_text("raise AssertionError")
    monkeypatch.syspath_prepend(str(tmp_path))

    discover("a_room", [str(room)])

    assert sys.modules["a_room.rule"].seen

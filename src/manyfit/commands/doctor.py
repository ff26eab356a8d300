"""`manyfit doctor`."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from typing import Any

from manyfit.commands.output import print_json

LIBRARIES = ("numpy", "scipy", "polars", "scikit-learn", "optuna", "safetensors", "torch", "ray")


def run(*, as_json: bool = False) -> None:
    """Print what is there."""
    found = examine()
    if as_json:
        print_json(found)
        return
    print(
        f"manyfit    {found['manyfit']}   Python {found['python']}   {found['machine']}   {found['cores']} cores"
    )
    core = found["core"]
    print(
        f"core       {core['version']}, {core['isa']} of {', '.join(core['isas'])}"
        if core["is_built"]
        else f"core       {core['why']}"
    )
    for name, why in found["engines"].items():
        print(f"engine     {name:10} {why or 'live'}")
    for name, version in found["libraries"].items():
        print(f"library    {name:14} {version or 'not installed'}")
    for package, rules in found["plugins"].items():
        print(f"plug-in    {package:14} {', '.join(rules)}")
    if all(found["engines"].values()):
        print(
            "! nothing to train with: install a compiler and reinstall manyfit, or pip install 'manyfit[torch]'",
            file=sys.stderr,
        )
        sys.exit(1)


def examine() -> dict[str, Any]:
    """What is installed and live, as plain values."""
    import manyfit
    from manyfit.engines.choose import NAMES, why_missing

    core: dict[str, Any] = {"is_built": False, "why": why_missing("native")}
    if not core["why"]:
        from manyfit import _native

        core = {
            "is_built": True,
            "version": _native.version(),
            "isa": _native.isa(),
            "isas": list(_native.isas()),
        }
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "manyfit": manyfit.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": cores,
        "core": core,
        "engines": {name: why_missing(name) for name in NAMES},
        "libraries": {name: _version(name) for name in LIBRARIES},
        "plugins": _plugins(),
    }


def _plugins() -> dict[str, list[str]]:
    """Rules that other packages bring, by package. One that is broken says so on stderr and is left out."""
    from manyfit.commands.listing import KINDS

    found: dict[str, list[str]] = {}
    for kind, listed in KINDS.items():
        for name, facts in listed().items():
            if facts.get("from"):
                found.setdefault(facts["from"], []).append(f"{kind} {name}")
    return found


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""

"""What the numbers were measured on, in words that mean something to others."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("manyfit", "numpy", "torch", "jax", "jaxlib", "optax")


def has_avx512() -> bool:
    """Whether the processor has the 512-bit vectors that the prototypes are written for."""
    return "avx512f" in _cpu_fields().get("flags", "").split()


def describe(packages: Sequence[str] = _PACKAGES) -> dict[str, str]:
    """Processor, its vectors, cores, system, Python and the versions of packages, for the head of a report."""
    cpu = _cpu_fields()
    flags = cpu.get("flags", "").split()
    vectors = next(
        (name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), "no AVX2"
    )
    family = f", family {cpu['cpu family']}" if "cpu family" in cpu else ""
    found = {
        "processor": f"{cpu.get('model name', platform.machine())}{family}, {vectors}",
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _cpu_fields() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first_core = path.read_text().split("\n\n")[0]
    pairs = (line.split(":", 1) for line in first_core.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}

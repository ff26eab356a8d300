"""Sessions for other versions of Python; `make test` covers the oldest one."""

import nox

nox.options.default_venv_backend = "venv"


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """The whole suite against the wheel as users get it: built with the core, torch first."""
    session.install("-c", "constraints.txt", "torch==2.13.0")
    session.install("-c", "constraints.txt", ".[test]")
    session.run("pytest", "-m", "not gpu and not long", *session.posargs)


@nox.session(python="3.11")
def lint(session: nox.Session) -> None:
    """Style, order of the rooms."""
    session.install("-c", "constraints.txt", "-e", ".", "ruff", "import-linter")
    session.run("ruff", "check", ".")
    session.run("lint-imports")

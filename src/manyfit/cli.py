"""The command line: typed commands, no logic. Data goes to stdout, talk to stderr; what trains is imported when needed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from cyclopts import App, Group, Parameter

from manyfit.commands.asking import command_for, commands
from manyfit.commands.usage import exactly, usage_error
from manyfit.text import Text

INTERRUPTED = Text("interrupted", "已中断")
STDIN = "@stdin"
"""What a lone dash is called on its way through the parser, which would take it for an option."""

app = App(
    name="manyfit",
    help="Train hundreds of networks for about the price of one, and answer with error bars.",
    help_format="plaintext",
    version="",
    result_action="return_value",
    suppress_keyboard_interrupt=False,
    default_parameter=Parameter(converter=exactly),
)
_TABLE = Group("The table")
_TRAINING = Group("The training")
_OUTPUT = Group("What comes out")


@app.command
def train(
    source: Annotated[
        str | None,
        Parameter(help="CSV, TSV, Parquet or Arrow file, - for stdin, or the name of an embedded example."),
    ] = None,
    *,
    target: Annotated[
        str | None, Parameter(("--target", "-t"), group=_TABLE, help="Column to predict.")
    ] = None,
    task: Annotated[
        Literal["regression", "binary", "multiclass", "classification"] | None,
        Parameter(group=_TABLE, help="Found out by default."),
    ] = None,
    drop: Annotated[
        list[str] | None, Parameter(group=_TABLE, negative="", help="Column to leave out; again for more.")
    ] = None,
    keep: Annotated[
        list[str] | None,
        Parameter(group=_TABLE, negative="", help="Column to use though it looks like an identifier."),
    ] = None,
    kind: Annotated[
        list[str] | None,
        Parameter(
            group=_TABLE,
            negative="",
            help="COLUMN=number, category, boolean or date, where the guess is wrong.",
        ),
    ] = None,
    weights: Annotated[str | None, Parameter(group=_TABLE, help="Column of row weights.")] = None,
    class_weights: Annotated[
        Literal["balanced"] | None, Parameter(group=_TABLE, help="Weigh classes by their rarity in training.")
    ] = None,
    group: Annotated[
        str | None, Parameter(group=_TABLE, help="Column whose groups stay on one side of every split.")
    ] = None,
    time: Annotated[
        str | None, Parameter(group=_TABLE, help="Column that orders the rows; the latest are held out.")
    ] = None,
    test: Annotated[str | None, Parameter(group=_TABLE, help="A table whose rows are the test rows.")] = None,
    duplicates: Annotated[
        Literal["auto", "together", "apart", "drop"] | None,
        Parameter(group=_TABLE, help="What to do with rows that repeat another in every column used."),
    ] = None,
    encoding: Annotated[str | None, Parameter(group=_TABLE, help="Encoding of a text file.")] = None,
    delimiter: Annotated[
        str | None, Parameter(group=_TABLE, help="Character between the fields of a text file.")
    ] = None,
    header: Annotated[
        bool | None, Parameter(group=_TABLE, help="Whether the first line holds names.")
    ] = None,
    budget: Annotated[
        float | None,
        Parameter(("--budget", "-b"), group=_TRAINING, help="Seconds that size the plan; 60 by default."),
    ] = None,
    seed: Annotated[
        int | None, Parameter(group=_TRAINING, help="Root of all randomness; 0 by default.")
    ] = None,
    metric: Annotated[
        str | None,
        Parameter(group=_TRAINING, help="What decides: rmse, mae, r2; log_loss, accuracy, auc, brier."),
    ] = None,
    margin: Annotated[
        float | None,
        Parameter(group=_TRAINING, help="Share within which results are the same; 0.01 by default."),
    ] = None,
    max_width: Annotated[
        int | None, Parameter(group=_TRAINING, help="Widest hidden layer that is tried.")
    ] = None,
    mute: Annotated[
        list[str] | None,
        Parameter(
            negative="", group=_TRAINING, help="CODE,CODE: findings that are not shown and decide nothing."
        ),
    ] = None,
    engine: Annotated[
        str | None, Parameter(group=_TRAINING, help="auto, native, stacked or reference.")
    ] = None,
    threads: Annotated[
        int | None, Parameter(group=_TRAINING, help="All cores by default; the number changes no result.")
    ] = None,
    config: Annotated[
        str | None,
        Parameter(group=_TRAINING, help="A run.toml: repeats the plan in it; flags given here come first."),
    ] = None,
    dry_run: Annotated[
        bool, Parameter(negative="", group=_TRAINING, help="Say what would be done, and stop.")
    ] = False,
    out: Annotated[
        str | None,
        Parameter(("--out", "-o"), group=_OUTPUT, help="Folder for model and run; NAME.manyfit by default."),
    ] = None,
    force: Annotated[
        bool, Parameter(negative="", group=_OUTPUT, help="Replace an older run folder of that name.")
    ] = False,
    resume: Annotated[
        bool,
        Parameter(negative="", group=_OUTPUT, help="Go on with the job in that folder, if it was killed."),
    ] = False,
    json: Annotated[
        bool, Parameter(negative="", group=_OUTPUT, help="The result as JSON on stdout.")
    ] = False,
    quiet: Annotated[
        bool, Parameter(("--quiet", "-q"), negative="", group=_OUTPUT, help="Say only warnings on stderr.")
    ] = False,
    lang: Annotated[
        Literal["en", "zh"] | None, Parameter(group=_OUTPUT, help="Language; the locale's by default.")
    ] = None,
) -> None:
    """Train networks for a table: search, confirm, look at locked test rows, save the model.

    Examples:
        manyfit train house.csv --target price
        manyfit train digits --budget 20
    """
    from manyfit.commands.train import run

    loading = {
        "task": task,
        "drop": drop,
        "keep": keep,
        "kinds": kind,
        "weights": weights,
        "class_weights": class_weights,
        "group": group,
        "time": time,
        "test": test,
        "duplicates": duplicates,
        "encoding": encoding,
        "delimiter": delimiter,
        "header": header,
    }
    options = {
        "budget": budget,
        "seed": seed,
        "metric": metric,
        "margin": margin,
        "max_width": max_width,
        "mute": mute,
        "engine": engine,
        "threads": threads,
    }
    run(
        "-" if source == STDIN else source,
        target,
        loading,
        options,
        config=config,
        dry_run=dry_run,
        out=out,
        force=force,
        resume=resume,
        as_json=json,
        quiet=quiet,
        lang=lang,
    )


@app.command
def predict(
    model: Annotated[str, Parameter(help="Folder that manyfit train wrote.")],
    source: Annotated[
        str, Parameter(help="New rows: a file, - for stdin, or the name of an embedded example.")
    ],
    *,
    out: Annotated[
        str | None,
        Parameter(("--out", "-o"), help="File to write: .csv, .parquet or .json; stdout as CSV by default."),
    ] = None,
    level: Annotated[
        float, Parameter(help="Level of the prediction intervals: 0.5, 0.8, 0.9 or 0.95.")
    ] = 0.9,
    encoding: Annotated[str | None, Parameter(help="Encoding of a text file.")] = None,
    delimiter: Annotated[str | None, Parameter(help="Character between the fields of a text file.")] = None,
    force: Annotated[bool, Parameter(negative="", help="Replace an older file.")] = False,
    json: Annotated[bool, Parameter(negative="", help="JSON on stdout.")] = False,
    quiet: Annotated[
        bool, Parameter(("--quiet", "-q"), negative="", help="Say only warnings on stderr.")
    ] = False,
    lang: Annotated[Literal["en", "zh"] | None, Parameter(help="Language; the locale's by default.")] = None,
) -> None:
    """Predict new rows with a trained model: values, probabilities, intervals."""
    from manyfit.commands.predict import run

    options = {"encoding": encoding, "delimiter": delimiter}
    place = "-" if source == STDIN else source
    run(model, place, options, out=out, level=level, force=force, as_json=json, quiet=quiet, lang=lang)


@app.command
def report(
    folders: Annotated[list[str], Parameter(negative="", help="Folders that manyfit train wrote.")],
    *,
    out: Annotated[
        str | None,
        Parameter(
            ("--out", "-o"),
            help="File to write. By default the report.html of one folder itself; for several, report.html here.",
        ),
    ] = None,
    force: Annotated[bool, Parameter(negative="", help="Replace an older file.")] = False,
    lang: Annotated[Literal["en", "zh"] | None, Parameter(help="Language; the locale's by default.")] = None,
) -> None:
    """Write the report of one or more run folders again: one self-contained HTML file.

    Needs neither the table nor the model, only what training has left behind.
    """
    from manyfit.commands.reporting import run

    run(folders, out, force=force, lang=lang)


@app.command
def trace(
    source: Annotated[
        str | None,
        Parameter(
            help="A file, - for stdin, an embedded example; chain and two-layer are the chapter's own."
        ),
    ] = None,
    *,
    target: Annotated[str | None, Parameter(("--target", "-t"), help="Column to predict.")] = None,
    row: Annotated[int | None, Parameter(help="Row of the table that is followed, from 1.")] = None,
    weight: Annotated[
        str | None,
        Parameter(help="LAYER,UNIT,INPUT of the weight that is followed, from 1; b as INPUT is the bias."),
    ] = None,
    step: Annotated[int | None, Parameter(help="Which update; by default the row's first.")] = None,
    recipe: Annotated[str | None, Parameter(help="A recipe in a .toml or .json file.")] = None,
    set_: Annotated[
        list[str] | None,
        Parameter(
            "--set",
            negative="",
            help="PATH=VALUE in the recipe (optimizer=adam, optimizer.lr=0.01, network.hidden=3,2), or x=2.",
        ),
    ] = None,
    seed: Annotated[int, Parameter(help="Root of all randomness.")] = 0,
    digits: Annotated[int, Parameter(help="Significant digits shown.")] = 4,
    report: Annotated[str | None, Parameter(help="Write a page with the computation graph, too.")] = None,
    json: Annotated[bool, Parameter(negative="", help="JSON on stdout, numbers in full.")] = False,
    lang: Annotated[Literal["en", "zh"] | None, Parameter(help="Language; the locale's by default.")] = None,
) -> None:
    """Show one training step number by number: forward, loss, the chain rule backwards, the update.

    Examples:
        manyfit trace
        manyfit trace two-layer --set optimizer=adam
        manyfit trace iris --row 7 --weight 1,2,3
    """
    from manyfit.commands.trace import run

    options = {"target": target, "row": row, "step": step, "seed": seed, "digits": digits}
    run(source, options, weight=weight, recipe=recipe, settings=set_, report=report, as_json=json, lang=lang)


@app.command
def doctor(*, json: Annotated[bool, Parameter(negative="", help="JSON on stdout.")] = False) -> None:
    """Say what is installed, which instruction set is used, and which engines are live."""
    from manyfit.commands.doctor import run

    run(as_json=json)


@app.command(name="list")
def list_(
    kind: Annotated[
        str | None,
        Parameter(
            help="optimizers, schedules, losses, penalties, metrics, samplers, questions, activations, inits or examples."
        ),
    ] = None,
    *,
    json: Annotated[bool, Parameter(negative="", help="JSON on stdout.")] = False,
) -> None:
    """List the rules that are known, by kind, with their settings."""
    from manyfit.commands.listing import run

    run(kind, as_json=json)


for _name, _help in commands().items():
    app.command(f"manyfit.cli:{_name.replace('-', '_')}", name=_name, help=_help)


def __getattr__(name: str) -> Callable[..., None]:
    """A question's command, made when it is first called: its options are read off the question, those of tables off `train`."""
    if name.replace("_", "-") not in commands():
        raise AttributeError(name)
    return command_for(name, train)


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command and leave with its exit code: 0 done, 1 failed while training, 2 wrong input, 130 interrupted."""
    sys.exit(_code(list(sys.argv[1:] if argv is None else argv)))


def _code(argv: list[str]) -> int:
    if "--version" in argv:
        import manyfit

        print(f"manyfit {manyfit.__version__}")
        return 0
    from cyclopts import CycloptsError

    from manyfit.errors import DataError, ManyfitError, RecipeError, RunError, UsageError

    if "" not in sys.path:  # a module of the user's own is named as Python finds it from here: nets:ConvNet is in nets.py
        sys.path.append("")
    try:
        try:
            app([STDIN if part == "-" else part for part in argv], exit_on_error=False, print_error=False)
        except CycloptsError as error:
            raise usage_error(error, [name for name in app if not name.startswith("-")]) from error
    except ManyfitError as error:
        print(f"manyfit: {error.to(_language(argv))}", file=sys.stderr)
        return 2 if isinstance(error, (DataError, RecipeError, RunError, UsageError)) else 1
    except KeyboardInterrupt:
        print(f"manyfit: {INTERRUPTED.to(_language(argv))}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    return 0


def _language(argv: Sequence[str]) -> str:
    """The language to complain in: what `--lang` says, wherever the command line broke off, else the locale's."""
    from manyfit.render.phrases import language

    for part, following in zip(argv, [*argv[1:], ""], strict=True):
        if part == "--lang" or part.startswith("--lang="):
            return language(part.partition("=")[2] or following)
    return language()

"""The one table, for the terminal and for Markdown, from the same cells."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from rich.markup import escape
from rich.table import Table

from benchmarks.summary import MANYFIT, TARGET, Entry, Loss, Verdict
from benchmarks.tasks import TASKS

COLUMNS = (
    "task",
    "peer",
    "together",
    "ms, least",
    "median",
    "in core",
    "× whole",
    "× core",
    "compile s",
    "final loss",
    "note",
)

_BLANK = ("",) * (len(COLUMNS) - 2)
_TEXT = ("task", "peer", "note")

LEGEND = (
    "ms: milliseconds of processor time for one trained network. together: networks trained in one call. "
    "in core: inside compiled training code alone. ×: the least time as a multiple of manyfit's, whole and in its core. "
    "compile s: once, not in the other times. final loss: over all rows after the last step, mean ± sd over networks (how many)."
)


def cells(entry: Entry, of_task: str = "") -> tuple[str, ...]:
    """The texts of one line, in the order of `COLUMNS`; `of_task` is what the task's column says beside this peer."""
    return (
        of_task,
        entry.peer,
        str(entry.n_networks),
        number(entry.whole_ms),
        number(entry.median_ms),
        number(entry.core_ms),
        number(entry.over_whole),
        number(entry.over_core),
        number(entry.compile_s),
        loss_text(entry.loss),
        entry.note,
    )


def number(value: float | None) -> str:
    """Three significant digits, or a dash.

    Example:
        >>> number(0.02638), number(58.06), number(448.8), number(None)
        ('0.0264', '58.1', '449', '–')
    """
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def loss_text(loss: Loss | None) -> str:
    """Mean ± standard deviation and count; or how many networks diverged.

    Example:
        >>> loss_text(Loss(0.5423, 0.0088, 64, 0)), loss_text(Loss(float("inf"), float("nan"), 8, 2))
        ('0.542 ± 0.009 (64)', '2 of 8 diverged')
    """
    if loss is None:
        return "–"
    if loss.n_diverged:
        return f"{loss.n_diverged} of {loss.n} diverged"
    return f"{loss.mean:.3f} ± {loss.sd:.3f} ({loss.n})"


def task_words(name: str) -> list[str]:
    """A task in a few words, one for each of its first lines.

    Example:
        >>> task_words("digits")
        ['digits', '64-64-10', '1437 rows', '900 steps', 'of 32']
    """
    task = TASKS[name]
    return [
        name,
        "-".join(map(str, task.widths)),
        f"{task.rows} rows",
        f"{task.steps} steps",
        f"of {task.batch}",
    ]


def verdict_text(verdict: Verdict) -> str:
    """One sentence a task: the prototype's time by manyfit's, and whether the losses agree with PyTorch's."""
    if verdict.ratio is None:
        speed = "prototype / manyfit core: not measured"
    else:
        sign = "≥" if verdict.is_fast else "<"
        speed = f"prototype / manyfit core = {verdict.ratio:.2f} {sign} {TARGET} (medians {verdict.median_ratio:.2f})"
    if verdict.distance is None:
        return f"{verdict.task}: {speed}; loss against PyTorch: not compared"
    agree = "agrees with" if verdict.is_alike else "DIFFERS from"
    return f"{verdict.task}: {speed}; loss {agree} PyTorch's ({verdict.distance:+.1f} standard errors)"


def lines(entries: Sequence[Entry]) -> list[list[tuple[str, ...]]]:
    """The cells of the whole table, a section for each task; who did not run is told by `closing_lines`."""
    sections = []
    for task in dict.fromkeys(entry.task for entry in entries):
        peers = [entry for entry in entries if entry.task == task and entry.whole_ms is not None]
        if not peers:
            continue
        beside = zip_longest(peers, task_words(task))
        sections.append(
            [cells(entry, word or "") if entry else (word, "", *_BLANK) for entry, word in beside]
        )
    return sections


def closing_lines(entries: Sequence[Entry], verdicts: Sequence[Verdict]) -> list[str]:
    """What stands below the table: a line for each task, and one for whoever is missing, with the tasks it misses."""
    missing: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        if entry.whole_ms is None:
            missing.setdefault((entry.peer, entry.note), []).append(entry.task)
    absent = [f"{peer} ({', '.join(tasks)}): {why}" for (peer, why), tasks in missing.items()]
    return [*map(verdict_text, verdicts), *absent]


def terminal(entries: Sequence[Entry]) -> Table:
    """The table for a terminal; tasks are sections."""
    table = Table(caption=LEGEND, caption_justify="left", header_style="bold")
    for title in COLUMNS:
        is_text = title in _TEXT
        table.add_column(title, justify="left" if is_text else "right", no_wrap=title != "note")
    for section in lines(entries):
        for line in section:
            table.add_row(*map(escape, line), style="bold" if line[1] == MANYFIT else None)
        table.add_section()
    return table


def markdown(entries: Sequence[Entry], verdicts: Sequence[Verdict], machine: Mapping[str, str]) -> str:
    """The same table, the verdicts and the machine, as Markdown."""
    text = [", ".join(f"{key} {value}" for key, value in machine.items()), ""]
    text.append("| " + " | ".join(COLUMNS) + " |")
    text.append("|" + "|".join("---" if title in _TEXT else "---:" for title in COLUMNS) + "|")
    text += ["| " + " | ".join(line) + " |" for section in lines(entries) for line in section]
    text += ["", LEGEND, "", *(f"- {line}" for line in closing_lines(entries, verdicts))]
    return "\n".join(text) + "\n"

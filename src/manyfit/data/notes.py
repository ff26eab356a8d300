"""What the reader of a table should know: a code, a sentence in two languages, the columns, and the flag that acts on it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any, NamedTuple

from manyfit.text import Text


class Wording(NamedTuple):
    """How one kind of note is said. `flag` is the command-line flag that acts on it; empty when nothing is to be done."""

    en: str
    zh: str
    flag: str = ""
    is_warning: bool = True


WORDINGS: dict[str, Wording] = {
    # what was read
    "encoding": Wording(
        "{name} is not UTF-8; read as {encoding}",
        "{name} 不是 UTF-8 编码，已按 {encoding} 读取",
        "--encoding NAME",
        False,
    ),
    "unnamed": Wording(
        "columns without a name are called {names}", "没有名字的列被命名为 {names}", "", False
    ),
    "no_header": Wording(
        "the first line of {name} was taken for column names, though it looks like values",
        "{name} 的第一行被当作列名，但它看起来像数据",
        "--no-header",
    ),
    "first_sheet": Wording(
        "{name} holds several files; {member} was read", "{name} 内有多个文件，只读取了 {member}"
    ),
    "reshaped": Wording(
        "each row of shape {shape} was laid out as {n} numbers",
        "每行形状为 {shape}，已展开为 {n} 个数",
        "",
        False,
    ),
    # columns
    "id": Wording("{names} dropped ({why})", "已去掉 {names}（{why}）", "--keep {first}", False),
    "counter": Wording(
        "{names} counts the rows, and is kept because there is nothing else to predict from",
        "{names} 只是行的编号；因为没有别的列可用，所以保留",
        "",
        False,
    ),
    "constant": Wording(
        "{names} dropped (one value only)", "已去掉 {names}（只有一个值）", "--keep {first}", False
    ),
    "empty_column": Wording("{names} dropped (no value at all)", "已去掉 {names}（没有任何值）", "", False),
    "text": Wording(
        "{names} dropped (text: {distinct} different values in {rows} rows)",
        "已去掉 {names}（文本：{rows} 行中有 {distinct} 个不同的值）",
        "--kind {first}=category",
    ),
    "nested": Wording(
        "{names} dropped (lists or structures in the cells)", "已去掉 {names}（单元格内是列表或结构）"
    ),
    "tokens": Wording(
        "{names}: {n_cells} without a number ({tokens}) read as missing",
        "{names}：{count} 个非数字单元格（{tokens}）按缺失处理",
        "--kind {first}=category",
    ),
    "infinite": Wording(
        "{names}: {n_cells} with infinity read as missing", "{names}：{count} 个无穷大的值按缺失处理"
    ),
    "date_order": Wording(
        "{names}: dates like {example} read as {order}", "{names}：形如 {example} 的日期按 {order_zh} 理解"
    ),
    "high_cardinality": Wording(
        "{names} has {distinct} different values; the rare ones share one input",
        "{names} 有 {distinct} 个不同的值；少见的值共用一个输入",
        "--drop {first}",
    ),
    "time_column": Wording(
        "{names} orders the rows and is no input itself", "{names} 只用来排列行的先后，不作为输入", "", False
    ),
    # rows
    "missing_target": Wording(
        "{n_rows} without {target} left out", "有 {count} 行缺少 {target}，已略去", "", False
    ),
    "duplicates": Wording(
        "{n_rows} equal to another in every column used; copies stay on one side of every split",
        "有 {count} 行在所用的各列上与别的行完全相同；相同的行总在划分的同一侧",
        "--duplicates drop",
    ),
    "coarse": Wording(
        "{count} of {rows} rows equal to another in every column used, on both sides of the splits: test rows are not all new",
        "{rows} 行中有 {count} 行在所用的各列上与别的行相同，划分两侧都有：测试行并非全是新行",
        "--duplicates together",
    ),
    "duplicates_dropped": Wording(
        "{n_rows} equal to another in every column used left out",
        "有 {count} 行在所用的各列上与别的行完全相同，已略去",
        "",
        False,
    ),
    "wide": Wording(
        "fewer rows ({rows}) than columns ({width}): expect wide intervals",
        "行数（{rows}）少于列数（{width}）：区间会很宽",
        "--drop COLUMN",
    ),
    "few_rows": Wording(
        "only {rows} rows: little can be known, and the intervals will say so",
        "只有 {rows} 行：能知道的很少，区间会如实反映",
        "",
    ),
    # target
    "task": Wording(
        "{target} has {distinct} whole numbers: read as {task}",
        "{target} 有 {distinct} 个不同的整数：按{task_zh}处理",
        "--task {other}",
        False,
    ),
    "imbalance": Wording(
        "{target}: {label} makes up only {share} of the rows",
        "{target}：{label} 只占 {share} 的行",
        "--class-weights balanced",
    ),
    "rare_class": Wording(
        "{target}: {labels} has one row only; it can't be both learned and tested",
        "{target}：{labels} 只有一行，不能既学习又检验",
    ),
    "leak": Wording(
        "{names} alone predicts {target} ({measure} {score:.2f}): a leak?",
        "仅凭 {names} 就能预测 {target}（{measure} {score:.2f}）：是否泄漏了答案？",
        "--drop {first}",
    ),
    # new rows, at prediction
    "absent": Wording(
        "{names} absent from the new rows: filled as missing", "新数据中没有 {names}：按缺失填补"
    ),
    "ignored": Wording("{names} not used by the model", "模型没有用到 {names}", "", False),
    "unseen": Wording(
        "{names}: {n_rows} with values never seen in training ({examples})",
        "{names}：有 {count} 行的值在训练中从未出现（{examples}）",
    ),
    "unreadable": Wording(
        "{names}: {n_cells} that can't be read as {kind} ({examples}), filled as missing",
        "{names}：{count} 个单元格不能读作{kind_zh}（{examples}），按缺失填补",
    ),
    "filled": Wording(
        "{n_cells} without a value filled in {names}", "在 {names} 中填补了 {count} 个缺失的单元格", "", False
    ),
    "outside": Wording(
        "{names}: {n_cells} far outside the training range, clipped",
        "{names}：{count} 个单元格远超训练时的范围，已截断",
    ),
}


@dataclass(frozen=True)
class Note:
    """One thing to know about a table. `load` and `Encoder.read` make them; the terminal and the report show them.

    code: Which kind of note; a key of `WORDINGS`.
    text: The sentence in English.
    zh: The sentence in Chinese.
    columns: Names of the columns concerned.
    flag: The command-line flag that acts on it, filled in; empty when nothing is to be done.
    is_warning: True when the reader should decide something, False for a plain record.
    """

    code: str
    text: str
    zh: str
    columns: tuple[str, ...] = ()
    flag: str = ""
    is_warning: bool = True

    def say(self, lang: str = "en") -> str:
        """The sentence in one language, "en" or "zh"."""
        return self.zh if lang == "zh" else self.text

    def __str__(self) -> str:
        mark = "! " if self.is_warning else ""
        return f"{mark}{self.text}" + (f"   {self.flag}" if self.flag else "")


def note(code: str, columns: tuple[str, ...] | list[str] = (), **facts: Any) -> Note:
    """Make a note from its wording and the facts.

    Args:
        code: A key of `WORDINGS`.
        columns: Names of the columns concerned; `{names}` and `{first}` in the wording are made of them.
        **facts: What the sentence names. A fact `x_zh`, when given, is what the Chinese sentence takes for `x`.

    Returns:
        The note, with its flag filled in.

    Example:
        >>> str(note("leak", ("fee",), target="price", measure="R²", score=0.981))
        '! fee alone predicts price (R² 0.98): a leak?   --drop fee'
    """
    wording = WORDINGS[code]
    columns = tuple(columns)
    facts = {"names": listed(columns), "first": quoted(columns[0]) if columns else "COLUMN", **facts}
    if "count" in facts:
        plural = "s" if facts["count"] != 1 else ""
        facts |= {"n_rows": f"{facts['count']:,} row{plural}", "n_cells": f"{facts['count']:,} cell{plural}"}
    chinese = facts | {key.removesuffix("_zh"): value for key, value in facts.items() if key.endswith("_zh")}
    return Note(
        code=code,
        text=wording.en.format_map(facts),
        zh=wording.zh.format_map(chinese | {"names": listed(columns, "、", "等 {} 列")}),
        columns=columns,
        flag=wording.flag.format_map(facts),
        is_warning=wording.is_warning,
    )


def row_text(index: int) -> Text:
    """What a row is called in errors: counted from 1, without the header and empty lines (`ROWS_COUNTED` says so).

    Example:
        >>> row_text(4).en
        'row 5'
    """
    return Text(f"row {index + 1}", f"第 {index + 1} 行")


ROWS_COUNTED = Text(
    " Rows count from 1, without the header and empty lines.", "行号从 1 数起，不计表头和空行。"
)


def listed(names: tuple[str, ...] | list[str], comma: str = ", ", more: str = "and {} more") -> str:
    """Names in a row, at most five of them in full.

    Example:
        >>> listed(("a", "b")), listed([*"abcdefgh"]), listed(("a,b", "c"))
        ('a, b', 'a, b, c, d and 4 more', "'a,b', c")
    """
    names = [in_a_row(name) for name in names]
    if len(names) <= 5:
        return comma.join(names)
    rest = more.format(len(names) if comma == "、" else len(names) - 4)
    return comma.join(names[:4]) + ("" if comma == "、" else " ") + rest


def in_a_row(name: str) -> str:
    """A name as it stands among others: in quotes when a comma in it would make it look like two.

    Example:
        >>> in_a_row("a,b"), in_a_row("price")
        ("'a,b'", 'price')
    """
    return f"'{name}'" if any(mark in name for mark in ",，、") else name


def quoted(name: str) -> str:
    """A column name as a shell takes it: in quotes when it has blanks or signs.

    Example:
        >>> quoted("price"), quoted("sale price")
        ('price', "'sale price'")
    """
    return shlex.quote(name)


def shown(values: list[Any], limit: int = 3) -> str:
    """A few cell values for a sentence, shortened.

    Example:
        >>> shown(["a", "b", "c", "d"])
        "'a', 'b', 'c', …"
    """
    parts = [repr(value) if len(repr(value)) <= 40 else repr(value)[:38] + "…" for value in values[:limit]]
    return ", ".join(parts) + (", …" if len(values) > limit else "")

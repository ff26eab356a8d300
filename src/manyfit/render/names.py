"""Names from a user's table, made fit to be shown."""

from __future__ import annotations


def printable(name: str) -> str:
    """A name in one line, without what steers a terminal or ends a line in a script.

    Example:
        >>> printable("a\\nb\\x1b[31m\\u2028c")
        'a b [31m c'
    """
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())

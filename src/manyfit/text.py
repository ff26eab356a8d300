"""A sentence in both languages of the product, English and Chinese, said side by side so that neither is forgotten."""

from __future__ import annotations

from typing import NamedTuple


class Text(NamedTuple):
    """A sentence in both languages of the product.

    Two of them, or one and a string that is the same in both, are put together with `+`.

    Example:
        >>> Text("rate", "学习率").to("zh")
        '学习率'
        >>> Text("rate", "学习率") + " " + Text("too high", "过高")
        Text(en='rate too high', zh='学习率 过高')
    """

    en: str
    zh: str

    def to(self, language: str) -> str:
        """The sentence in a language: "zh", else English."""
        return self.zh if language == "zh" else self.en

    def __add__(self, other: str | Text) -> Text:  # type: ignore[override]  # sentences, not tuples
        more = text_of(other)
        return Text(self.en + more.en, self.zh + more.zh)

    def __radd__(self, other: str | Text) -> Text:
        return text_of(other) + self

    def __bool__(self) -> bool:
        return bool(self.en or self.zh)


def text_of(said: str | Text) -> Text:
    """What is said, in both languages: a plain string is the same in either.

    Example:
        >>> text_of("RMSE")
        Text(en='RMSE', zh='RMSE')
    """
    return said if isinstance(said, Text) else Text(said, said)

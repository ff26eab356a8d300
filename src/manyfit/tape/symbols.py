"""How numbers and symbols are written in a line of text: the chapter's letters, indices below, layers above, a real minus."""

from __future__ import annotations

import math

_BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_ABOVE = str.maketrans("0123456789−-+()tnk", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻⁺⁽⁾ᵗⁿᵏ")

LETTERS = {
    # Of an update rule's settings, states and own variables; what is not here keeps its own name.
    "p": "W",
    "lr": "η",
    "beta1": "β₁",
    "beta2": "β₂",
    "eps": "ε",
    "momentum": "γ",
    "weight_decay": "λ",
    "rho": "ρ",
    "alpha": "ρ",
    "dampening": "τ",
    "strength": "λ",
    "mean": "m",
    "size": "v",
    "velocity": "v",
    "square_sum": "G",
    "mean_square": "E[g²]",
    "largest": "vₘₐₓ",
    "norm_p": "‖W‖",
    "norm_u": "‖u‖",
    "mean_hat": "m̂",
    "size_hat": "v̂",
    "direction": "d",
}


def letter(name: str) -> str:
    """The chapter's symbol for a name in the code.

    Example:
        >>> letter("lr"), letter("mean_hat"), letter("trust")
        ('η', 'm̂', 'trust')
    """
    return LETTERS.get(name, name)


def below(*indices: int) -> str:
    """Indices under a symbol, counted from 1. Two indices above 9 need brackets to be told apart.

    Example:
        >>> "W" + below(2, 1), "z" + below(12), "W" + below(12, 3)
        ('W₂₁', 'z₁₂', 'W[12,3]')
    """
    if len(indices) > 1 and max(indices) > 9:
        return f"[{','.join(map(str, indices))}]"
    return "".join(str(index) for index in indices).translate(_BELOW)


def above(text: str | int) -> str:
    """A power or the number of a layer above a symbol; `^(…)` for what has no small letters.

    Example:
        >>> "z" + above("(2)"), "β" + above("t"), "a" + above(-3), "a" + above("b/2")
        ('z⁽²⁾', 'βᵗ', 'a⁻³', 'a^(b/2)')
    """
    small = str(text).translate(_ABOVE)
    return small if not set(small) & set(str(text)) else f"^({text})"


def derivative(of: str, by: str) -> str:
    """∂of/∂by.

    Example:
        >>> derivative("L", "W₁₁⁽²⁾")
        '∂L/∂W₁₁⁽²⁾'
    """
    return f"∂{of}/∂{by}"


def number(value: float, digits: int = 4) -> str:
    """A number in so many significant digits, without the zeros that say nothing.

    Example:
        >>> number(0.5), number(-12.34567), number(1.23456e-7), number(1e9), number(3.0), number(-0.0)
        ('0.5', '−12.35', '1.235e−7', '1e9', '3', '0')
    """
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "NaN")
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if -5 < size < 7:
        text = f"{value:.{max(digits - 1 - size, 0)}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", "−")

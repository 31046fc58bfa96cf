r"""Write an answer in one form, without changing what it says.

Markup goes (`$`, `\left`, `\,`, bold), names of one thing become one name (`\dfrac` and `\frac`, `\leq` and `\le`, `−`
and `-`, `\mathrm{cm}` and `\text{cm}`), blanks that mean nothing go. A blank after a comma stays: `3, 250` is a list,
`3,250` a number.
"""

import re
import unicodedata
from functools import lru_cache

_FRACTION_SIGNS = [(sign, *unicodedata.normalize("NFKC", sign).split("\u2044")) for sign in "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒"]
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+")
_LOWERED = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")
_RAISED_PLAIN = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ₀₁₂₃₄₅₆₇₈₉", "0123456789+-n0123456789")
_FORMULA_DOLLAR = re.compile(r"\$(?![\d.])")
_DOLLAR = re.compile(r"(\\\$(?=[\d.]))|\\?\$")
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_SIGNS = str.maketrans(
    {
        **{chr(wide): chr(narrow) for wide, narrow in _WIDE.items()},
        **dict.fromkeys("−–—‐‑", "-"),
        **dict.fromkeys("\u00a0\u2009\u202f\u3000\t\r\n", " "),
        "×": r"\times ",
        "·": r"\cdot ",
        "⋅": r"\cdot ",
        "÷": r"\div ",
        "π": r"\pi ",
        "∞": r"\infty ",
        "≤": r"\le ",
        "≥": r"\ge ",
        "≠": r"\ne ",
        "≈": r"\approx ",
        "±": r"\pm ",
        "∪": r"\cup ",
        "∩": r"\cap ",
        "∈": r"\in ",
        "∅": r"\emptyset ",
        "√": r"\sqrt ",
        "°": r"^\circ ",
        **{sign: rf"\frac{{{upper}}}{{{lower}}}" for sign, upper, lower in _FRACTION_SIGNS},
        "，": ", ",
        "、": ", ",
        "。": ".",
        "′": "'",
        "’": "'",
        "“": '"',
        "”": '"',
    }
)
_SAME_NAME = {
    "dfrac": "frac",
    "tfrac": "frac",
    "cfrac": "frac",
    "leq": "le",
    "leqslant": "le",
    "geq": "ge",
    "geqslant": "ge",
    "neq": "ne",
    "lt": "<",
    "gt": ">",
    "ast": "*",
    "lbrace": r"\{",
    "rbrace": r"\}",
    "lbrack": "[",
    "rbrack": "]",
    "lvert": "|",
    "rvert": "|",
    "vert": "|",
    "varnothing": "emptyset",
    "textdollar": r"\$",
    "degree": r"^\circ",
    "textdegree": r"^\circ",
    "dotsc": "dots",
    "ldots": "dots",
    "cdots": "dots",
    "land": r"\text{and}",
    "lor": r"\text{or}",
    "thinspace": "",
    "displaystyle": "",
    "textstyle": "",
    "limits": "",
    "left": "",
    "right": "",
    "middle": "",
    "big": "",
    "Big": "",
    "bigg": "",
    "Bigg": "",
    "bigl": "",
    "bigr": "",
    "Bigl": "",
    "Bigr": "",
    "quad": " ",
    "qquad": " ",
    "rm": "",
    "bf": "",
}
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_SPACE_COMMAND = re.compile(r"(?<!\\)\\[ ,;:!>]|~")
_NO_BREAK_COMMA = re.compile(r"\{,\}")
_THIN_THOUSANDS = re.compile(r"(?<=\d)(?:\\,|\\!|\\ |\{\\,\}|~)(?=\d{3}(?!\d))")
_WRAPPERS = re.compile(
    r"\\(?:text|textrm|textbf|textit|textsf|texttt|mathrm|mathbf|mathit|mathsf|mathtt|mbox|hbox|operatorname|bm|boldsymbol|"
    r"boxed|fbox)\s*\{([^{}]*)\}"
)
_BARE_WRAPPER = re.compile(r"\\(?:mathrm|mathbf|mathit|rm)\s+([A-Za-z])(?![A-Za-z])")
_SHORT_FRACTION = re.compile(r"\\frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
_SHORT_ROOT = re.compile(r"\\sqrt\s*(?:(\d+|[A-Za-z])(?![A-Za-z])|\(([^()]*)\))")
_CIRCLE = re.compile(r"\^\s*\{\s*\\circ\s*\}")
_BRACED_SCRIPT = re.compile(r"([_^])\s*\{\s*(\w)\s*\}(?!\w)")
_BLANKS = re.compile(r"\s+")
_BOLD = re.compile(r"^(\*\*|__|`|\*|\"|')(?![*\s])(.*?)(?<![*\s])\1$", re.DOTALL)

_LONGEST_KEPT = 500
"""Characters of a text whose normal form is remembered: references and answers are read several times."""


def normalise(text: str) -> str:
    """The normal form of an answer; the function is idempotent and linear in the length."""
    if text.isascii() and text.isalnum():
        return text
    return _normal(text) if len(text) <= _LONGEST_KEPT else _normal.__wrapped__(text)


@lru_cache(maxsize=4096)
def _normal(text: str) -> str:
    text = text.strip()
    if text.isascii() and text.isalnum():
        return text
    text = text.translate(_SIGNS)
    if not text.isascii():
        text = _RAISED.sub(lambda match: f"^{{{match[0].translate(_RAISED_PLAIN)}}}", text)
        text = _LOWERED.sub(lambda match: f"_{{{match[0].translate(_RAISED_PLAIN)}}}", text)
    text = _THIN_THOUSANDS.sub(",", text)
    text = _unwrapped_dollars(text)
    text = text.replace(r"\(", " ").replace(r"\)", " ").replace(r"\%", "%").replace(r"\#", "#").replace(r"\&", "&")
    if not text.count(r"\begin{"):
        text = re.sub(r"\\\\(?=[A-Za-z])", r"\\", text)
        text = text.replace(r"\[", " ").replace(r"\]", " ")
    text = _SPACE_COMMAND.sub(" ", text)
    text = _NO_BREAK_COMMA.sub(",", text)
    text = _BARE_WRAPPER.sub(r"\1", text)
    text = _COMMAND.sub(_one_name, text)
    for _ in range(3):
        text = _WRAPPERS.sub(_one_wrapper, text)
    text = _SHORT_FRACTION.sub(_full_fraction, text)
    text = _SHORT_ROOT.sub(r"\\sqrt{\1\2}", text)
    text = _BRACED_SCRIPT.sub(r"\1\2", text)
    text = _CIRCLE.sub(r"^\\circ ", text)
    text = _BLANKS.sub(" ", text).strip()
    bold = _BOLD.match(text)
    if bold:
        text = bold.group(2)
    return _without_closing_marks(_tight(text))


def _unwrapped_dollars(text: str) -> str:
    r"""Formulas lose their `$`; `\$5`, and `$5` where every `$` stands before a number, are dollars."""
    if "$" not in text:
        return text
    if not _FORMULA_DOLLAR.search(text):
        return text.replace(r"\$", "$")
    return _DOLLAR.sub(lambda match: "$" if match[1] else " ", text)


def _one_name(match: re.Match[str]) -> str:
    name = match.group(1)
    if name not in _SAME_NAME:
        return match.group()
    new = _SAME_NAME[name]
    if new.isalpha():
        return "\\" + new
    return new if new else " "


def _one_wrapper(match: re.Match[str]) -> str:
    r"""Letters set upright are the letter, words are `\text{words}`, a box or number in a wrapper is what it holds."""
    inside = match.group(1).strip()
    if match.group().startswith((r"\boxed", r"\fbox")) or not inside:
        return f" {inside} "
    if len(inside) == 1 or not re.search(r"[A-Za-z\u4e00-\u9fff]{2}", inside):
        return f" {inside} " if match.group().startswith((r"\text", r"\mbox", r"\hbox")) else inside
    return rf"\text{{{inside}}}"


def _full_fraction(match: re.Match[str]) -> str:
    upper, digit_upper, lower, digit_lower = match.groups()
    return rf"\frac{{{(upper or digit_upper or '').strip()}}}{{{(lower or digit_lower or '').strip()}}}"


_AROUND = re.compile(r" ?([-+*/^_=<>|(){}\[\]:!]) ?")
_BEFORE = re.compile(r" (?=[,;\\])")


def _tight(text: str) -> str:
    """Drop blanks beside signs and before commands; between words, digits and after commas one stays."""
    return _BEFORE.sub("", _AROUND.sub(r"\1", text)).strip()


def _without_closing_marks(text: str) -> str:
    while text and (text[-1] in ",;:" or (text[-1] == "." and not text.endswith("..."))):
        text = text[:-1].rstrip()
    return text


def letters_and_digits(text: str) -> str:
    """The form in which words are compared: wrappers, markup, quotes and case gone, single blanks, `p.m.` as `pm`."""
    text = normalise(text)
    text = re.sub(r"\\text\{([^{}]*)\}", r" \1 ", text)
    text = re.sub(r"\b([ap])\.\s?m\b\.?", r"\1m", text.casefold())
    text = re.sub(r"(?<=\d)\s+(?=[ap]m\b)", "", text)
    text = _BLANKS.sub(" ", text).strip(" \"'`")
    return _without_closing_marks(text)

r"""Read how an answer is built: lists, sets, tuples, intervals, unions, relations, matrices, ratios.

Taking this apart ourselves, instead of leaving it to an expression parser, keeps the parts that are easy to lose: which
brackets an interval has, whether order matters, and that every part of an answer is there.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Leaf:
    """An expression without outer structure."""

    text: str


@dataclass(frozen=True)
class Group:
    r"""Parts with or without brackets: `1,2` has none, `\{1,2\}`, `(1,2)`, `[1,2)`; a ratio `3:4` has ":" for both."""

    opening: str
    closing: str
    parts: "tuple[Node, ...]"
    either: bool = False
    """The parts were joined by "or"."""

    @property
    def ordered(self) -> bool:
        return self.opening not in ("", r"\{")


@dataclass(frozen=True)
class Relation:
    r"""`parts[0] operators[0] parts[1] ...`, operators among = < > \le \ge \ne; the parts are kept as text."""

    operators: tuple[str, ...]
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Union:
    r"""Sets joined by `\cup`."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True)
class Matrix:
    """Rows of cells."""

    rows: "tuple[tuple[Node, ...], ...]"


Node = Leaf | Group | Relation | Union | Matrix

_CELLS = r"((?:(?!\\(?:begin|end)\{).)*)"
_MATRIX = re.compile(rf"\\begin\{{([pbB]?matrix)\}}{_CELLS}\\end\{{\1\}}", re.DOTALL)
_BRACKETED_MATRIX = re.compile(
    rf"[(\[]\\begin\{{((?:small)?matrix|array)\}}(?:\{{[lcr| ]*\}})?{_CELLS}\\end\{{\1\}}[)\]]", re.DOTALL
)
_JOINED = re.compile(r" ?\\text\{ ?(and|or)\}? ?\}? ?|(?<![A-Za-z\\])(and|or)(?![A-Za-z])|;")
_RELATIONS = re.compile(r"\\(?:le|ge|ne)(?![A-Za-z])|[=<>]")
NOTHING = re.compile(
    r"\\emptyset|(?:\\text\{ ?)?(?:there (?:is|are) )?no (?:real )?(?:solutions?|roots?)(?: exists?)?(?: ?\})?",
    re.IGNORECASE,
)
"""The set without elements, in signs or words."""

_REALS = re.compile(r"\\mathbb\{?R\}?")
_SET_BUILDER = re.compile(r"\\\{[A-Za-z](?:\\in ?\\mathbb\{?R\}?)?(?:\||:|\\mid ?)(.+)\\\}")
_MEMBER = re.compile(r"\\in(?![A-Za-z])")
_CUP = re.compile(r"\\cup(?![A-Za-z])")
_COMMA = re.compile(r",")
_COLON = re.compile(r":")
_APPROX = re.compile(r"\\approx(?![A-Za-z])")
_PLUS_MINUS = re.compile(r"\\pm(?![A-Za-z]) ?")
_NUMBER_RUN = re.compile(r"(?<![\d.])(?<!\d,)\d+(?:,\d+)*(?![\d.])")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")
_BRACKETS = re.compile(r"\\langle(?![A-Za-z])|\\rangle(?![A-Za-z])|[()\[\]{}]")
_OPENING = frozenset(["(", "[", "{", r"\langle"])


def read(text: str, inside: bool = False) -> Node:
    """Take the normal form of an answer apart; `inside` brackets a comma without a blank separates."""
    text = _unbraced(_PLAIN_SET.sub("", text.strip()))
    matrix = _MATRIX.fullmatch(text) or _BRACKETED_MATRIX.fullmatch(text)
    if matrix:
        rows = [row for row in re.split(r"\\\\", matrix[2]) if row.strip()]
        return Matrix(tuple(tuple(read(cell) for cell in row.split("&")) for row in rows))
    if NOTHING.fullmatch(text):
        return Group(r"\{", r"\}", ())
    if _REALS.fullmatch(text):
        return Group("(", ")", (Leaf(r"-\infty"), Leaf(r"\infty")))
    if built := _SET_BUILDER.fullmatch(text):
        return read(built[1])
    text = _joined_thousands(text, inside)
    words, pieces = split_top(text, _JOINED)
    either = any("or" in word for word in words)
    parts = [part for piece in pieces for part in split_top(piece, _COMMA)[1] if part.strip()]
    if len(parts) > 1:
        return Group("", "", tuple(read(part) for part in parts), either)
    text = parts[0].strip() if parts else text
    unions = split_top(text, _CUP)[1]
    if len(unions) > 1:
        return Union(tuple(read(part) for part in unions))
    membership = split_top(text, _MEMBER)[1]
    if len(membership) == 2 and is_name(membership[0]):
        return read(membership[1])
    related = _relation(text)
    if related:
        return related
    ratio = split_top(text, _COLON)[1]
    if len(ratio) > 1 and all(part.strip() for part in ratio):
        return Group(":", ":", tuple(read(part) for part in ratio))
    return _bracketed(text) or _two_signs(text)


_PLAIN_SET = re.compile(r"^\\(?:boldsymbol|bold) ?")


def _joined_thousands(text: str, inside: bool) -> str:
    """`1,728` outside brackets loses its comma; inside (`{100,200}`) only where blanks show which commas separate."""
    if "," not in text or (inside and ", " not in text):
        return text
    depths = _depths(text)

    def joined(run: re.Match[str]) -> str:
        index = bisect_right(depths, (run.start(), len(text)))
        deep = index > 0 and depths[index - 1][1] > 0
        return run[0] if deep or not _THOUSANDS.fullmatch(run[0]) else run[0].replace(",", "")

    return _NUMBER_RUN.sub(joined, text)


def _depths(text: str) -> list[tuple[int, int]]:
    """Where the depth of brackets changes, and to what."""
    depth, found = 0, []
    for bracket in _BRACKETS.finditer(text):
        depth += 1 if bracket[0] in _OPENING else -1
        found.append((bracket.start(), depth))
    return found


def _unbraced(text: str) -> str:
    while text.startswith("{") and _closing_of(text, 0) == len(text) - 1:
        text = text[1:-1].strip()
    return text


def _closing_of(text: str, start: int) -> int:
    """Where the bracket that opens at `start` closes (the index of its last character); -1 if it does not."""
    depth = 0
    for bracket in _BRACKETS.finditer(text, start):
        depth += 1 if bracket[0] in _OPENING else -1
        if depth == 0:
            return bracket.end() - 1
    return -1


def split_top(text: str, separator: re.Pattern[str]) -> tuple[list[str], list[str]]:
    """Split at separators outside all brackets; returns the separators and the pieces."""
    depths = _depths(text)
    words, pieces, begin, position, depth = [], [], 0, 0, 0
    for match in separator.finditer(text):
        while position < len(depths) and depths[position][0] < match.start():
            depth = depths[position][1]
            position += 1
        if depth == 0:
            words.append(match[0])
            pieces.append(text[begin : match.start()])
            begin = match.end()
    return words, [*pieces, text[begin:]]


def _relation(text: str) -> Node | None:
    approximate = split_top(text, _APPROX)[1]
    if len(approximate) > 1:
        exact = approximate[0].strip()
        kept = exact.rstrip("= ") if exact and not is_name(exact) else approximate[-1]
        return read(kept)
    operators, parts = split_top(text, _RELATIONS)
    if not operators or any(not part.strip() for part in parts[1:]):
        return None
    if not parts[0].strip():
        return read(parts[1]) if operators == ["="] else None
    return Relation(tuple(operators), tuple(part.strip() for part in parts))


def _bracketed(text: str) -> Node | None:
    opening = re.match(r"\\\{|\\langle(?![A-Za-z])|[(\[]", text)
    if not opening:
        return None
    closing = next((end for end in (r"\}", r"\rangle", ")", "]") if text.endswith(end)), None)
    if closing is None or _closing_of(text, 0) != len(text) - 1:
        return None
    content = read(text[opening.end() : -len(closing)], inside=True)
    if content == Leaf("") and opening[0] == r"\{":
        return Group(opening[0], closing, ())
    if isinstance(content, Group) and content.opening == "":
        return Group(opening[0], closing, content.parts)
    return Group(opening[0], closing, (content,)) if opening[0] == r"\{" else None


def _two_signs(text: str) -> Node:
    r"""`2 \pm \sqrt{3}` is the list of both values."""
    if len(_PLUS_MINUS.findall(text)) == 1:
        plus, minus = (_PLUS_MINUS.sub(sign, text) for sign in "+-")
        return Group("", "", (Leaf(plus.removeprefix("+")), Leaf(minus)))
    return Leaf(text)


_NAME = re.compile(
    r"(?:m ?)?(?:\\(?:angle|triangle|overline|overrightarrow|vec|mathbb|mathcal|hat) ?\{?)*"
    r"(?:\\text\{[^{}]*\}|\\?[A-Za-z]+(?: [A-Za-z]+){0,5})\}?"
    r"(?:_(?:\{[^{}]*\}|\w)|'|\^\{-1\})*(?:\([A-Za-z0-9, \\]*\))?"
)
_FUNCTIONS = re.compile(r"\\(?:frac|sqrt|sin|cos|tan|cot|sec|csc|log|ln|exp|infty|pi|binom)")


def is_name(text: str) -> bool:
    """Whether a text names a quantity: a variable, `f(x)`, an angle, words."""
    return bool(_NAME.fullmatch(text.strip())) and not _FUNCTIONS.match(text.strip())


def is_variable(text: str) -> bool:
    """Whether a text names a quantity with a symbol, not with words."""
    return is_name(text) and " " not in text.strip() and (text.startswith("\\") or len(text) <= 2 or "_" in text)


def as_interval(node: Node) -> Node:
    r"""`x > 3` as `(3, \infty)`, `1 \le x < 2` as `[1, 2)`, alternatives joined by "or" as a union."""
    if isinstance(node, Group) and node.either and node.opening == "":
        parts = tuple(as_interval(part) for part in node.parts)
        return Union(parts) if all(isinstance(part, Group) and part.closing in (")", "]") for part in parts) else node
    if not isinstance(node, Relation) or any(operator in ("=", r"\ne") for operator in node.operators):
        return node
    operators, parts = list(node.operators), list(node.parts)
    if all(operator in (">", r"\ge") for operator in operators):
        operators = [{">": "<", r"\ge": r"\le"}[operator] for operator in reversed(operators)]
        parts.reverse()
    if any(operator in (">", r"\ge") for operator in operators):
        return node
    if len(parts) == 2:
        if is_name(parts[0]):
            parts, operators = [r"-\infty", *parts], ["<", *operators]
        elif is_name(parts[1]):
            parts, operators = [*parts, r"\infty"], [*operators, "<"]
    if len(parts) != 3 or not is_name(parts[1]):
        return node
    opening = "[" if operators[0] == r"\le" else "("
    closing = "]" if operators[1] == r"\le" else ")"
    return Group(opening, closing, (read(parts[0]), read(parts[2])))


def leaves(node: Node) -> list[str]:
    """The texts of all leaves, in order; of a relation the parts that are no name on the left and no variable."""
    if isinstance(node, Leaf):
        return [node.text]
    if isinstance(node, Relation):
        parts = [
            part for index, part in enumerate(node.parts) if not (is_variable(part) or (index == 0 and is_name(part)))
        ]
        return [text for part in parts for text in leaves(read(part))]
    parts = [cell for row in node.rows for cell in row] if isinstance(node, Matrix) else node.parts
    return [text for part in parts for text in leaves(part)]


def pair_up(expected: tuple[Node, ...], answer: tuple[Node, ...], same: Callable[[Node, Node], bool]) -> bool:
    """Whether every expected part has an answer part of its own that is the same, in any order."""
    if len(expected) != len(answer):
        return False
    remaining = list(answer)
    for part in expected:
        found = next((index for index, other in enumerate(remaining) if same(part, other)), None)
        if found is None:
            return False
        del remaining[found]
    return True

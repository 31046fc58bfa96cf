"""A small, safe expression over the columns of a row: `verdict=incorrect and len(token_ids) > 100`.

    expression = all of "or", "and", "not", parentheses
    comparison = column (= | != | < | <= | > | >= | ~ | !~) value      ~ means: contains, upper and lower case alike
               | column [not] in (value, ...)
    column     = name | name.key (a key of JSON text or of a record) | len(name)
    value      = number | 'text' | "text" | word | null | true | false | another column

Nothing is evaluated but these forms. A missing value (null) equals only null, and is neither smaller nor larger.
"""

import difflib
import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...artifacts import WrongOption
from ...artifacts.records import VERDICTS

Row = Mapping[str, Any]
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))"
    r"|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<operator>==|!=|<=|>=|!~|[=<>~(),])"
    r"|(?P<word>[^\s'\"=<>!~(),]+))"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_CONSTANTS = {"null": None, "none": None, "true": True, "false": False}
_MOST_TOKENS = 400
"""Keeps the recursion of nested parentheses far from Python's limit."""
_VERDICT_COLUMNS = ("verdict", "rule_verdict", "model_verdict")


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


@dataclass(frozen=True)
class _Column:
    """A column, a key inside it, or its length."""

    name: str
    keys: tuple[str, ...] = ()
    length: bool = False

    def __str__(self) -> str:
        name = ".".join([self.name, *self.keys])
        return f"len({name})" if self.length else name

    def of(self, row: Row) -> Any:
        value = row.get(self.name)
        for key in self.keys:
            if isinstance(value, str):
                try:
                    value = json.loads(value)
                except ValueError:
                    return None
            value = value.get(key) if isinstance(value, dict) else None
        if self.length:
            return None if value is None else len(value)
        return value


@dataclass(frozen=True)
class _Constant:
    """A value as written; a number keeps its spelling, for columns that hold it as text."""

    value: Any
    spelling: str

    def of(self, row: Row) -> Any:
        return self.value


@dataclass
class Where:
    """A parsed expression.

    Attributes:
        columns: the names it reads.
    """

    text: str
    columns: set[str] = field(default_factory=set)
    matches: Callable[[Row], bool] = lambda row: True


def parse_where(text: str, columns: Iterable[str], absent: Mapping[str, str] | None = None) -> Where:
    """Parse an expression over the given columns.

    Args:
        absent: what to do to have further columns, by column.

    Raises:
        WrongOption: it cannot be read, or names a column that is not there.
    """
    parser = _Parser(text, list(columns), dict(absent or {}))
    where = Where(text, parser.read, parser.expression())
    if parser.next is not None:
        raise parser.wrong(f"found {parser.next.text!r}, expected and, or, or the end")
    return where


class _Parser:
    """Recursive descent, one token ahead."""

    def __init__(self, text: str, known: list[str], absent: dict[str, str]) -> None:
        self.text, self.known, self.absent = text, known, absent
        self.read: set[str] = set()
        self._tokens = list(self._split(text))
        self._at = 0
        if len(self._tokens) > _MOST_TOKENS:
            raise WrongOption(f"--where is {len(self._tokens)} words and signs long, expected at most {_MOST_TOKENS}")

    def wrong(self, message: str) -> WrongOption:
        return WrongOption(f"--where {self.text!r}: {message}")

    def _split(self, text: str) -> Iterable[_Token]:
        place = 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None:
                raise self.wrong(f"cannot read {text[place:].strip()[:20]!r}")
            yield _Token(str(match.lastgroup), match[str(match.lastgroup)])
            place = match.end()

    @property
    def next(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, *texts: str) -> str | None:
        """Step over the next token when it is one of these (words in any case)."""
        token = self.next
        if token is not None and token.kind in ("operator", "word") and token.text.lower() in texts:
            self._at += 1
            return token.text.lower()
        return None

    def _expect(self, text: str) -> None:
        if self._take(text) is None:
            raise self.wrong(f"found {self.next.text if self.next else 'the end'!r}, expected {text!r}")

    def expression(self) -> Callable[[Row], bool]:
        terms = [self._all()]
        while self._take("or"):
            terms.append(self._all())
        return terms[0] if len(terms) == 1 else lambda row: any(term(row) for term in terms)

    def _all(self) -> Callable[[Row], bool]:
        terms = [self._one()]
        while self._take("and"):
            terms.append(self._one())
        return terms[0] if len(terms) == 1 else lambda row: all(term(row) for term in terms)

    def _one(self) -> Callable[[Row], bool]:
        if self._take("not"):
            inner = self._one()
            return lambda row: not inner(row)
        if self._take("("):
            inner = self.expression()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Callable[[Row], bool]:
        column = self._column()
        if negated := self._take("not"):
            self._expect("in")
        if negated or self._take("in"):
            values = self._list(column)
            return lambda row: any(_equal(column.of(row), value, row) for value in values) is not bool(negated)
        sign = self._take("=", "==", "!=", "<", "<=", ">", ">=", "~", "!~")
        if sign is None:
            found = self.next.text if self.next else "the end"
            raise self.wrong(f"found {found!r} after {column}, expected =, !=, <, <=, >, >=, ~ (contains), !~ or in")
        value = self._value(column)
        if sign in ("=", "=="):
            return lambda row: _equal(column.of(row), value, row)
        if sign == "!=":
            return lambda row: not _equal(column.of(row), value, row)
        if sign in ("~", "!~"):
            return lambda row: _contains(column.of(row), value, row) is (sign == "~")
        return lambda row: self._ordered(sign, column, value, row)

    def _ordered(self, sign: str, column: _Column, value: _Column | _Constant, row: Row) -> bool:
        left, right = column.of(row), value.of(row)
        if left is None or right is None:
            return False
        try:
            return bool(_COMPARE[sign](left, right))
        except TypeError as error:
            kinds = f"{type(left).__name__} and {type(right).__name__}"
            raise self.wrong(f"{column} cannot be compared by {sign} ({kinds})") from error

    def _column(self) -> _Column:
        token = self.next
        if token is None or token.kind != "word":
            raise self.wrong(f"found {token.text if token else 'the end'!r}, expected a column")
        self._at += 1
        if token.text.lower() == "len" and self._take("("):
            inner = self._column()
            self._expect(")")
            return _Column(inner.name, inner.keys, length=True)
        name, *keys = token.text.split(".")
        if name not in self.known:
            near = difflib.get_close_matches(name, [*self.known, *self.absent], n=1)
            hint = f"did you mean {near[0]}?" if near else f"the columns are {', '.join(sorted(self.known))}"
            hint = self.absent.get(name, hint)
            raise self.wrong(f"there is no column {name!r}: {hint}")
        self.read.add(name)
        return _Column(name, tuple(keys))

    def _list(self, column: _Column) -> list[_Column | _Constant]:
        self._expect("(")
        values = [self._value(column)]
        while self._take(","):
            values.append(self._value(column))
        self._expect(")")
        return values

    def _value(self, column: _Column) -> _Column | _Constant:
        token = self.next
        if token is None or token.kind == "operator":
            raise self.wrong(f"found {token.text if token else 'the end'!r}, expected a value for {column}")
        if token.kind == "word" and (token.text.split(".")[0] in self.known or token.text.lower() == "len"):
            return self._column()
        self._at += 1
        if token.kind == "number":
            number = float(token.text)
            exact = int(token.text) if re.fullmatch(r"[+-]?\d+", token.text) else number
            return _Constant(exact, token.text)
        if token.kind == "text":
            text = re.sub(r"\\(.)", r"\1", token.text[1:-1])
            return _Constant(self._checked(column, text), text)
        if token.text.lower() in _CONSTANTS:
            return _Constant(_CONSTANTS[token.text.lower()], token.text)
        return _Constant(self._checked(column, token.text), token.text)

    def _checked(self, column: _Column, text: str) -> str:
        """A verdict is one of four words; another one would silently select nothing."""
        if column.name in _VERDICT_COLUMNS and not column.keys and not column.length and text not in VERDICTS:
            near = difflib.get_close_matches(text, VERDICTS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(VERDICTS)}"
            raise self.wrong(f"{text!r} is no verdict: {hint}")
        return text


def _equal(left: Any, value: _Column | _Constant, row: Row) -> bool:
    right = value.of(row)
    if isinstance(left, str) and isinstance(right, int | float) and isinstance(value, _Constant):
        return left == value.spelling
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    return bool(left == right)


def _contains(left: Any, value: _Column | _Constant, row: Row) -> bool:
    right = value.spelling if isinstance(value, _Constant) else value.of(row)
    return left is not None and right is not None and str(right).casefold() in plain_text(left).casefold()


def plain_text(value: Any) -> str:
    """The text of a column: of messages their contents, of anything else its usual spelling."""
    if isinstance(value, list) and value and isinstance(value[0], dict) and "content" in value[0]:
        return "\n".join(str(item["content"]) for item in value)
    return value if isinstance(value, str) else str(value)

"""Compare mathematical answers: structure first, then plain numbers, then symbolic equality of what is left.

`compare` may take any time and any memory (`9**9**9**9`), so it runs in a worker process that can be killed.
"""

from fractions import Fraction

from ...artifacts.wording import counted
from .comparison import Comparison, Rules, not_understood
from .expression import Expression, NotUnderstood, bare_log, constant, natural_log, read_expression
from .normalise import normalise
from .number import compare_approximately, compare_plain, simplest
from .plain import Plain, read_normal
from .structure import (
    Group,
    Leaf,
    Matrix,
    Node,
    Relation,
    Union,
    as_interval,
    is_name,
    is_variable,
    leaves,
    pair_up,
    read,
)
from .symbolic import decimal_value, equal_expressions, proportion, unfinished


def compare(expected: str, answer: str, rules: Rules) -> Comparison:
    """Compare two answers; one not wholly understood is wrong, a reference not understood makes the outcome unknown."""
    a, b = normalise(expected), normalise(answer)
    left, right = read(a), read(b)
    try:
        understand(left)
    except NotUnderstood as problem:
        return not_understood("math", str(problem))
    try:
        understand(right)
    except NotUnderstood as problem:
        return Comparison(False, "math", f"answer not understood: {problem}")
    pair = _Pair(rules)
    try:
        equal = pair.same(_one_of(left, rules), _one_of(right, rules))
        if equal and rules.asked.simplified and _unfinished(right) and not _unfinished(left):
            return Comparison(False, pair.method, "not simplified although asked: terms or factors can be put together")
    except NotUnderstood as problem:
        return Comparison(None, "math", f"error: not comparable: {problem}")
    if not equal:
        return Comparison(False, pair.method, pair.reason)
    return simplest(a, b, Comparison(True, pair.method, marks=tuple(pair.marks)), rules.asked)


def understood(reference: str) -> str | None:
    """Why a reference means nothing; None where all of it is understood."""
    try:
        understand(read(normalise(reference)))
    except NotUnderstood as problem:
        return str(problem)
    return None


def understand(node: Node) -> None:
    """Read every leaf; raises `NotUnderstood` when a part of one means nothing."""
    for text in leaves(node):
        if read_normal(text) is None:
            read_expression(text)


ENDS = "an open or closed end differs"


class _Pair:
    """One comparison: the rules of the question, which path was needed, and what tells the two apart."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.method = "structure"
        self.reason = "another value"
        self.marks: dict[str, None] = {}

    def same(self, expected: Node, answer: Node) -> bool:
        """Whether two nodes are the same answer."""
        if isinstance(expected, Relation) or isinstance(answer, Relation):
            return self._same_relation(expected, answer)
        expected, answer = as_interval(_single(expected)), as_interval(_single(answer))
        if isinstance(expected, Leaf) and isinstance(answer, Leaf):
            return self.same_leaf(expected.text, answer.text)
        if isinstance(expected, Union) and isinstance(answer, Union):
            return self._same_in_any_order(expected.parts, answer.parts)
        if isinstance(expected, Matrix) and isinstance(answer, Matrix):
            return [len(row) for row in expected.rows] == [len(row) for row in answer.rows] and all(
                self.same(a, b)
                for row_a, row_b in zip(expected.rows, answer.rows, strict=True)
                for a, b in zip(row_a, row_b, strict=True)
            )
        if not isinstance(expected, Group) or not isinstance(answer, Group):
            return self._fails(f"{counted(_count(answer), 'value')}, {_count(expected)} expected")
        if expected.ordered or answer.ordered:
            return self._same_in_order(expected, answer)
        if self.rules.asked.ordered and len(expected.parts) == len(answer.parts) > 1:
            in_order = all(self.same(a, b) for a, b in zip(expected.parts, answer.parts, strict=True))
            return in_order or self._fails("not in the order asked for")
        return self._same_in_any_order(expected.parts, answer.parts)

    def _same_in_order(self, expected: Group, answer: Group) -> bool:
        if len(expected.parts) != len(answer.parts):
            return self._fails(f"{counted(len(answer.parts), 'value')}, {len(expected.parts)} expected")
        if (expected.opening, expected.closing) != (answer.opening, answer.closing):
            ends = {expected.opening, expected.closing, answer.opening, answer.closing} <= set("()[]")
            return self._fails(ENDS if ends else "other brackets")
        return all(self.same(a, b) for a, b in zip(expected.parts, answer.parts, strict=True))

    def _same_in_any_order(self, expected: tuple[Node, ...], answer: tuple[Node, ...]) -> bool:
        if len(expected) != len(answer):
            return self._fails(f"{counted(len(answer), 'value')}, {len(expected)} expected")
        return pair_up(expected, answer, self.same)

    def _fails(self, reason: str) -> bool:
        self.reason = reason
        return False

    def same_leaf(self, expected: str, answer: str) -> bool:
        """Whether two expressions have the same value: plain numbers exactly, others symbolically."""
        left, right = read_normal(expected), read_normal(answer)
        if left is not None and right is not None:
            return self._settled(compare_plain(left, right, self.rules))
        if expected == answer:
            return True
        self.method = "symbolic"
        asked = self.rules.asked
        tolerance = self.rules.tolerance if asked.places is None and asked.significant is None else Fraction(0)
        for natural in log_readings(expected, answer):
            one, other = _expression(expected, left, natural), _expression(answer, right, natural)
            if equal_expressions(one, other, tolerance):
                return True
            value = decimal_value(other if left is not None else one) if (left is None) != (right is None) else None
            if value is not None:
                outcome = compare_approximately(left or Plain(value), right or Plain(value), self.rules)
                if self._settled(outcome):
                    return True
        return False

    def _settled(self, outcome: Comparison) -> bool:
        self.marks.update(dict.fromkeys(outcome.marks))
        return bool(outcome.equal) or self._fails(outcome.reason or self.reason)

    def _same_relation(self, expected: Node, answer: Node) -> bool:
        """Relations: `x=4` gives its value away, equations agree up to a factor, inequalities up to a positive one."""
        if not isinstance(answer, Relation) or not isinstance(expected, Relation):
            return self._same_value(expected, answer)
        named = [_assignment(expected), _assignment(answer)]
        if named[0] and named[1] and named[0][0] == named[1][0]:
            return self.same(read(named[0][1]), read(named[1][1]))
        if named[0] and not _has_letters(named[0][1]):
            return False
        if len(expected.parts) == 2 and len(answer.parts) == 2:
            left, sense = _oriented(expected)
            right, other = _oriented(answer)
            if sense != other:
                return self._fails(ENDS if {sense, other} == {"<", r"\le"} else "another relation")
            self.method = "symbolic"
            factor = proportion(read_expression(left), read_expression(right))
            return factor is not None and (sense in ("=", r"\ne") or bool(factor > 0))
        left_range, right_range = as_interval(expected), as_interval(answer)
        if isinstance(left_range, Group) and isinstance(right_range, Group):
            return self.same(left_range, right_range)
        return expected.operators == answer.operators and all(
            self.same(read(a), read(b)) for a, b in zip(expected.parts, answer.parts, strict=True)
        )

    def _same_value(self, expected: Node, answer: Node) -> bool:
        """One side is a relation, the other is not."""
        for relation, other, turned in ((expected, answer, False), (answer, expected, True)):
            if not isinstance(relation, Relation):
                continue
            named = _assignment(relation)
            if named:
                values = [named[1]]
            elif all(operator == "=" for operator in relation.operators):
                values = [part for part in relation.parts if not is_variable(part) or part in leaves(other)]
            else:
                interval = as_interval(relation)
                return not isinstance(interval, Relation) and self.same(
                    *((other, interval) if turned else (interval, other))
                )
            return bool(values) and all(
                self.same(*((other, read(value)) if turned else (read(value), other))) for value in values
            )
        return False


def log_readings(expected: str, answer: str) -> tuple[bool, ...]:
    r"""Whether `\log` without a base is the natural logarithm: the readings under which two expressions are compared.

    School books mean base 10, analysis means base e. Where both write `\log`, either reading will do, the same on
    both sides. Where one writes `\log` and the other `\ln`, it is natural. Beside a `\ln` of its own, and against
    anything else, it has base 10.
    """
    logs = bare_log(expected), bare_log(answer)
    natural = natural_log(expected), natural_log(answer)
    if not any(logs) or any(log and ln for log, ln in zip(logs, natural, strict=True)):
        return (False,)
    if all(logs):
        return (False, True)
    return (any(natural),)


def _expression(text: str, plain: Plain | None, natural: bool) -> Expression:
    return read_expression(text, natural) if plain is None else constant(plain.amount, plain.places is not None)


def _count(node: Node) -> int:
    return len(node.parts) if isinstance(node, Group | Union) else 1


def _unfinished(node: Node) -> bool:
    return any(read_normal(text) is None and unfinished(read_expression(text)) for text in leaves(node))


def _one_of(node: Node, rules: Rules) -> Node:
    r"""`\frac{1}{2} \text{ or } 0.5` is one answer in two forms."""
    if isinstance(node, Group) and node.either and not node.opening:
        first, *others = node.parts
        if all(_Pair(rules).same(first, other) for other in others):
            return first
    return node


def _single(node: Node) -> Node:
    r"""`\{5\}` as the answer 5."""
    if isinstance(node, Group) and len(node.parts) == 1 and node.opening == r"\{":
        return node.parts[0]
    return node


def _assignment(relation: Relation) -> tuple[str, str] | None:
    """The name and the value of `x = 4` or `x = 8/2 = 4`."""
    if any(operator != "=" for operator in relation.operators) or not is_name(relation.parts[0]):
        return None
    return relation.parts[0].replace(" ", ""), relation.parts[-1]


def _has_letters(text: str) -> bool:
    return any(
        character.isalpha() for character in text.replace(r"\frac", "").replace(r"\sqrt", "").replace(r"\pi", "")
    )


def _oriented(relation: Relation) -> tuple[str, str]:
    r"""A relation as `difference < 0`, `\le 0`, `= 0` or `\ne 0`."""
    (operator,), (left, right) = relation.operators, relation.parts
    if operator in (">", r"\ge"):
        left, right, operator = right, left, {">": "<", r"\ge": r"\le"}[operator]
    return f"({left})-({right})", operator

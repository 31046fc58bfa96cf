"""Compare mathematical answers: equal text and plain numbers first, then structure, then symbolic equality of leaves.

`compare_cheaply` runs anywhere. `compare` may take any time and any memory (`9**9**9**9`), so it runs in a worker
process that can be killed.
"""

from fractions import Fraction

from .comparison import Comparison
from .expression import Expression, NotUnderstood, constant, read_expression
from .normalise import normalise
from .number import compare_cheaply, compare_plain
from .plain import Plain, read_normal
from .question import Asked
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
from .symbolic import equal_expressions, proportion

__all__ = ["compare", "compare_cheaply"]


def compare(expected: str, answer: str, asked: Asked, tolerance: Fraction) -> Comparison:
    """Compare two answers; one not wholly understood is wrong, a reference not understood makes the outcome unknown."""
    left, right = read(normalise(expected)), read(normalise(answer))
    try:
        understand(left)
    except NotUnderstood as problem:
        return Comparison(None, "math", f"reference not understood: {problem}")
    try:
        understand(right)
    except NotUnderstood as problem:
        return Comparison(False, "math", f"answer not understood: {problem}")
    pair = _Pair(asked, tolerance)
    try:
        equal = pair.same(left, right)
    except NotUnderstood as problem:
        return Comparison(None, "math", f"not comparable: {problem}")
    return Comparison(bool(equal), pair.method, None if equal else "another value")


def understand(node: Node) -> None:
    """Read every leaf; raises `NotUnderstood` when a part of one means nothing."""
    for text in leaves(node):
        if read_normal(text) is None:
            read_expression(text)


class _Pair:
    """One comparison: the rules of the question, and which path was needed."""

    def __init__(self, asked: Asked, tolerance: Fraction) -> None:
        self.asked = asked
        self.tolerance = tolerance
        self.method = "structure"

    def same(self, expected: Node, answer: Node) -> bool:
        """Whether two nodes are the same answer."""
        if isinstance(expected, Relation) or isinstance(answer, Relation):
            return self._same_relation(expected, answer)
        expected, answer = as_interval(_single(expected)), as_interval(_single(answer))
        if isinstance(expected, Leaf) and isinstance(answer, Leaf):
            return self.same_leaf(expected.text, answer.text)
        if isinstance(expected, Union) and isinstance(answer, Union):
            return pair_up(expected.parts, answer.parts, self.same)
        if isinstance(expected, Matrix) and isinstance(answer, Matrix):
            return [len(row) for row in expected.rows] == [len(row) for row in answer.rows] and all(
                self.same(a, b)
                for row_a, row_b in zip(expected.rows, answer.rows, strict=True)
                for a, b in zip(row_a, row_b, strict=True)
            )
        if not isinstance(expected, Group) or not isinstance(answer, Group):
            return False
        if expected.ordered or answer.ordered:
            return (
                (expected.opening, expected.closing) == (answer.opening, answer.closing)
                and len(expected.parts) == len(answer.parts)
                and all(self.same(a, b) for a, b in zip(expected.parts, answer.parts, strict=True))
            )
        return pair_up(expected.parts, answer.parts, self.same)

    def same_leaf(self, expected: str, answer: str) -> bool:
        """Whether two expressions have the same value: plain numbers exactly, others symbolically."""
        left, right = read_normal(expected), read_normal(answer)
        if left is not None and right is not None:
            return compare_plain(left, right, self.asked, self.tolerance)
        if expected == answer:
            return True
        self.method = "symbolic"
        return equal_expressions(_expression(expected, left), _expression(answer, right), self.tolerance)

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
                return False
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


def _expression(text: str, plain: Plain | None) -> Expression:
    return read_expression(text) if plain is None else constant(plain.amount, plain.places is not None)


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

"""How a case is written: a problem, and completions of it with the verdict that each must get, and why.

about("number", "How many pens does Tom have?", "42",
    correct("3 boxes of 14 pens are 42 pens. The answer is 42.", "an answer phrase"),
    near("He has 3 boxes, so the answer is 43.", "off by one"),
)
"""

from typing import Any, NamedTuple


class Case(NamedTuple):
    """One completion of one problem."""

    completion: str | None
    verdict: str
    why: str
    near_miss: bool = False
    """It is incorrect by little: one digit, one sign, one bracket, one part."""

    reason: str = ""
    """How the reason of an invalid or unknown verdict begins."""

    pattern: str = ""
    """The meta-pattern of CompassVerifier that it shows."""

    finish_reason: str | None = "stop"
    mark: str = ""
    """A remark that the verdict carries."""

    token_f1: str = ""
    """The overlap with a reference of words, to two digits."""

    one_way: str = ""
    """Why reference and answer cannot change places."""

    strict: str = ""
    """The verdict under --strict, where it is another one."""

    type: str | None = None
    """The answer type of the problem; None: left to be inferred."""

    question: str = ""
    reference: str | None = ""
    name: str = ""

    def agrees(self, fields: dict[str, Any]) -> bool:
        """Whether the fields of a verdict are what this case says."""
        return (
            fields["verdict"] == self.verdict
            and (fields["reason"] or "").startswith(self.reason)
            and (not self.mark or self.mark in (fields["marks"] or ()))
            and (not self.token_f1 or round(fields["token_f1"], 2) == float(self.token_f1))
        )


def correct(completion: str, why: str, **more: str) -> Case:
    return Case(completion, "correct", why)._replace(**more)


def near(completion: str, why: str, **more: str) -> Case:
    """Incorrect by little."""
    return Case(completion, "incorrect", why, near_miss=True)._replace(**more)


def wrong(completion: str, why: str, **more: str) -> Case:
    """Incorrect altogether."""
    return Case(completion, "incorrect", why)._replace(**more)


def invalid(completion: str | None, why: str, reason: str, **more: str | None) -> Case:
    return Case(completion, "invalid", why, reason=reason)._replace(**more)


def unknown(completion: str, why: str, reason: str, **more: str) -> Case:
    return Case(completion, "unknown", why, reason=reason)._replace(**more)


def about(answer_type: str | None, question: str, reference: str | None, *cases: Case) -> list[Case]:
    """Cases of one problem."""
    return [case._replace(type=answer_type, question=question, reference=reference) for case in cases]


def lines(*parts: str) -> str:
    """A text of several lines."""
    return "\n".join(parts)

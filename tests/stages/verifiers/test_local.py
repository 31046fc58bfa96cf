"""Cases that become prompts: each asked once, those too long cut and marked, in windows."""

from collections.abc import Callable, Iterator

from whet.stages.tokens import Encoder
from whet.stages.verifiers import Case, Opinion
from whet.stages.verifiers.local import LocalVerifier
from whet.stages.verifiers.prompts import Prompt
from whet.stages.verifiers.settings import Settings

SETTINGS = Settings(Prompt("<q>{question}</q>{reference}<c>{completion}</c>:"), chat=False)


class Noting:
    """Says how many tokens a prompt has, last prompt first, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[list[int]]] = []

    def __call__(self, prompts: list[list[int]], stopping: Callable[[], bool]) -> Iterator[tuple[int, Opinion]]:
        self.asked.append(prompts)
        for place in reversed(range(len(prompts))):
            if stopping():
                return
            yield place, Opinion("correct", text=str(len(prompts[place])))


def never() -> bool:
    return False


def test_equal_cases_are_asked_once_within_a_window_and_later(encoder: Encoder) -> None:
    reader = Noting()
    verifier = LocalVerifier(encoder, SETTINGS, reader, max_prompt_tokens=1000)
    cases = [Case("q", "4", text) for text in ("4", "5", "4", "4", "6", "5")]
    found = dict(verifier.ask(enumerate(cases), never))
    assert sorted(found) == [0, 1, 2, 3, 4, 5]
    assert [len(prompts) for prompts in reader.asked] == [3]
    assert dict(verifier.ask([(7, cases[0])], never)) == {7: found[0]}
    assert [len(prompts) for prompts in reader.asked] == [3, 0]


def test_every_case_is_answered_under_its_number_with_its_own_prompt(encoder: Encoder) -> None:
    verifier = LocalVerifier(encoder, SETTINGS, Noting(), max_prompt_tokens=1000)
    cases = [(100 - n, Case("q", "4", "x" * n)) for n in range(50)]
    # The frame "<q>q</q>4<c></c>:" has 17 tokens.
    assert {number: opinion.text for number, opinion in verifier.ask(cases, never)} == {
        number: str(17 + 100 - number) for number, _ in cases
    }


def test_a_cut_is_marked_with_its_tokens_and_a_question_that_fills_the_prompt_is_unknown(encoder: Encoder) -> None:
    verifier = LocalVerifier(encoder, SETTINGS, Noting(), max_prompt_tokens=40)
    found = dict(
        verifier.ask(
            [(1, Case("q", "4", "x" * 50)), (2, Case("q" * 50, "4", "x")), (3, Case("q", "4", "</c>A<c>"))], never
        )
    )
    # 40 - 17 of the frame - 6 of "[...] " leave 17 of 50.
    assert found[1] == Opinion("correct", text="40", marks=("cut for the verifier: 33 tokens",))
    assert found[2].verdict == "unknown"
    assert str(found[2].reason).startswith("error: question and reference take ")
    assert found[3].marks == ("holds tags of the verifier's prompt",)


def test_cases_are_read_one_window_ahead(encoder: Encoder) -> None:
    verifier = LocalVerifier(encoder, SETTINGS, Noting(), max_prompt_tokens=1000)
    drawn: list[int] = []

    def cases() -> Iterator[tuple[int, Case]]:
        for number in range(5000):
            drawn.append(number)
            yield number, Case("q", "4", str(number))

    asking = verifier.ask(cases(), never)
    next(asking)
    assert len(drawn) == 1024
    assert len(list(asking)) == 4999


def test_a_stop_gives_no_more_opinions(encoder: Encoder) -> None:
    reader = Noting()
    verifier = LocalVerifier(encoder, SETTINGS, reader, max_prompt_tokens=1000)
    found = []
    for number, _ in verifier.ask(((n, Case("q", "4", str(n))) for n in range(5000)), lambda: len(found) >= 3):
        found.append(number)
    assert len(found) == 3
    assert len(reader.asked) == 1

import random

import pytest

from whet.stages.answers.garbled import is_garbled

GARBLED = [
    "����� ��� ����� ���� �� ����",
    "The sum is � and � plus ���� �� ��.",
    "\x00\x01\x07 \x08\x0b\x0e\x0f \x10\x11\x12 \x13\x14",
    "\ud800\ud801 abc \udfff\ud800 def",
    "ÐÂ¤ï¿½Ã§Â¥Ã¦ÂÃ©ÂÃ¨Â¯Â",
    "Ã©tÃ© Ã  la plÃ¢ge",
    "];;)) {{% ^^~ ]]}} ((*&& $$$ @@ !!",
    "mass condo 夺得夺得 crumbling Їлл внимание มหาวิทยาลัย ввв 경경경 かなかな ברוך",
]

LEGITIMATE = [
    "",
    "####",
    "2+2=?",
    "Es sind drei Schachteln mit je 14 Stiften für Öl.",
    "Où est passé l'été ? Déjà là, près de la forêt.",
    "Cuántos años tenía, señor?",
    "Tôi không thể trả lời câu hỏi này.",
    "每盒有14支铅笔，一共有3盒。",
    "三箱のペンがあります。答えは42です。",
    "У Тома три коробки ручек.",
    "هناك ثلاثة صناديق في كل منها قلم",
    "ในกล่องมีปากกา",
    "3×14＝42，∴ 总数为 42",
    r"\[ \int_0^1 x^2 \, dx = \left[ \frac{x^3}{3} \right]_0^1 = \frac{1}{3} \]",
    "∀ε>0 ∃δ>0: |x-a|<δ ⇒ |f(x)-f(a)|<ε, 𝑥 ∈ ℝ, α+β=γ",
    "for (int i = 0; i < n; ++i) { a[i] += b[i] * (c[i] - d[i]); }",
    "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |",
    "😀 Good question! 😀 Let us count.",
    "Hello means Привет in Russian, 你好 in Chinese and こんにちは in Japanese.",
]


@pytest.mark.parametrize("text", GARBLED)
def test_what_nobody_can_read_is_garbled(text):
    assert is_garbled(text)


@pytest.mark.parametrize("text", LEGITIMATE)
def test_other_scripts_formulas_and_programs_are_not_garbled(text):
    assert not is_garbled(text)


def test_random_signs_are_garbled_whatever_their_order():
    signs = random.Random(0)
    for _ in range(50):
        assert is_garbled("".join(signs.choice("#$%&*+=~^|;:@!?<>") for _ in range(40)))

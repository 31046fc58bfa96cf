r"""Take the unit off an answer: `5 cm`, `5\text{ cm}`, `18 dollars`; `4t`, `5 million` and `3 or 4` have none."""

import re

from .dimensions import unit_named
from .spelled import FALLING, RISING

_CHANGING_WORDS = (
    "and or to not no by over plus minus times divided million millions billion billions trillion thousand thousands "
    "hundred hundreds dozen dozens score half halves third thirds fourth fourths fifth fifths tenth tenths hundredth "
    "hundredths squared cubed factorial root sqrt pi mod choose infinity less more than of the is are if then but "
    "because so since with remainder percent am pm noon midnight at least most about between from one two three four "
    "five six seven eight nine ten zero only when where for all any every each thousandths millionths billionths"
)
CHANGING = FALLING.union(RISING, _CHANGING_WORDS.split())
"""Words that may change the number they stand behind: no unit holds one."""

_WORDS = re.compile(
    r"(?: ?\\text\{(?P<set>[^{}]*)\}| (?P<bare>[A-Za-z][A-Za-z. -]*(?:/[A-Za-z]+)?)"
    r"|(?P<tight>[A-Za-z]+(?:/[A-Za-z]+)?))"
    r"(?P<power>\^\{?[23]\}?)?$"
)
_SIGNS = re.compile(
    r" ?(?:\^\\circ ?(?P<scale>[CF]?)|(?P<sign>[€£¥₹¢℃℉])|(?P<chinese>[\u4e00-\u9fff]{1,6}(?:/[\u4e00-\u9fff]{1,2})?))$"
)
_COUNTED = re.compile(r"[个人岁种次块张本只名位条件支把台辆棵](?:(?![半百])[\u4e00-\u9fff]){0,3}")
"""A Chinese measure word, perhaps with what is counted; `个半` adds a half, `个百分点` is percent."""

_CURRENCY = re.compile(
    r"^(?P<minus>-?)(?:(?:US|RMB)? ?(?P<sign>[$€£¥₹])|(?P<code>USD|EUR|GBP|RMB|CNY|INR|Rs\.?)(?![A-Za-z]))"
    r" ?(?=[-\d.\\])"
)


def split_currency(text: str) -> tuple[str, str]:
    r"""Take a currency off the front: `\$5` is ("5", "dollar"), `-€5` ("-5", "euro").

    `¥` may be a yen or a yuan: it is a unit that is not in the table.
    """
    match = _CURRENCY.match(text)
    if not match:
        return text, ""
    sign, code = match["sign"], match["code"]
    unit = unit_named(sign or code.rstrip(".")) or "?"
    return match["minus"] + text[match.end() :], unit


def split_unit(text: str) -> tuple[str, str]:
    """Take a unit off the end: a known one, words set upright, or words after a blank that do not change the number.

    Returns the rest and the unit in one spelling; units outside the table are "?". `4t`, `5 million` and `3 or 4` keep
    what stands there.
    """
    if text[-1:].isdigit() and text[-2:-1] != "^":
        return text, ""
    if match := _SIGNS.search(text):
        return _split_sign(text, match)
    match = _WORDS.search(text)
    if not match or match.start() == 0:
        return text, ""
    words = (match["set"] or match["bare"] or match["tight"]).strip(" .")
    rest = text[: match.start()].rstrip()
    unit = unit_named(words)
    if unit:
        single = len(words) == 1 and not match["set"] and not match["bare"]
        return (text, "") if single else (rest, unit + ("^" + match["power"].strip("^{}") if match["power"] else ""))
    pieces = [*re.split(r"[ ./-]+", words.lower()), re.sub("[ .]", "", words.lower())]
    if match["tight"] or not CHANGING.isdisjoint(pieces) or (match["bare"] and len(pieces) > 7):
        return text, ""
    if len(words) < 2 and not match["set"]:
        return text, ""
    return rest, "?"


def _split_sign(text: str, match: re.Match[str]) -> tuple[str, str]:
    rest = text[: match.start()].rstrip()
    if match["chinese"]:
        unit = unit_named(match["chinese"]) or ("?" if _COUNTED.fullmatch(match["chinese"]) else "")
        return (rest, unit) if unit and rest else (text, "")
    if match["sign"]:
        return rest, unit_named(match["sign"]) or "?"
    return rest, {"C": "celsius", "F": "fahrenheit", "": "degree"}[match["scale"]]


_OF_AN_ANGLE = re.compile(r"sin|cos|tan|cot|sec|csc")


def split_unit_of_expression(text: str) -> str:
    """The same for an expression, where a letter after a blank is a variable: only upright and known long units go."""
    circle = _SIGNS.search(text)
    if circle and circle["scale"] is not None and not _OF_AN_ANGLE.search(text):
        return text[: circle.start()].rstrip()
    match = _WORDS.search(text)
    if not match or match.start() == 0:
        return text
    words = (match["set"] or match["bare"] or "").strip(" .")
    if match["set"]:
        return split_unit(text)[0]
    return text[: match.start()].rstrip() if len(words) > 1 and unit_named(words) else text

"""The units that are known: how each is spelled, what it measures and by which factor two of one kind differ.

conversion("m", "cm") == 100, conversion("km/h", "m/s") == 5/18, conversion("m", "kg") is None
"""

import re
from fractions import Fraction
from functools import lru_cache

# Dimension and factor to its first unit: metres, kilograms, seconds, months, dollars ...; a litre is 1/1000 m^3.
_UNITS = {
    "mm": ("length", "1/1000", "millimeter millimetre 毫米"),
    "cm": ("length", "1/100", "centimeter centimetre 厘米"),
    "m": ("length", "1", "meter metre 米"),
    "km": ("length", "1000", "kilometer kilometre 千米 公里"),
    "in": ("length", "0.0254", "inch"),
    "ft": ("length", "0.3048", "foot feet"),
    "yd": ("length", "0.9144", "yard"),
    "mi": ("length", "1609.344", "mile"),
    "acre": ("length^2", "4046.8564224", ""),
    "ha": ("length^2", "10000", "hectare 公顷"),
    "ml": ("length^3", "1/1000000", "milliliter millilitre mL 毫升"),
    "l": ("length^3", "1/1000", "liter litre L 升"),
    "gal": ("length^3", "0.003785411784", "gallon"),
    "mg": ("mass", "1/1000000", "milligram 毫克"),
    "g": ("mass", "1/1000", "gram 克"),
    "kg": ("mass", "1", "kilogram kilo 千克 公斤"),
    "tonne": ("mass", "1000", "吨"),
    "oz": ("mass", "0.028349523125", "ounce"),
    "lb": ("mass", "0.45359237", "lbs"),
    "pound": ("mass", "0.45359237", ""),
    "s": ("time", "1", "second sec secs 秒"),
    "min": ("time", "60", "minute mins 分钟"),
    "h": ("time", "3600", "hour hr hrs 小时"),
    "day": ("time", "86400", "天"),
    "week": ("time", "604800", "wk 周 星期"),
    "month": ("months", "1", "个月"),
    "year": ("months", "12", "yr yrs 年"),
    "degree": ("angle", "1", "deg 度"),
    "rad": ("arc", "1", "radian"),
    "celsius": ("celsius", "1", "℃ 摄氏度"),
    "fahrenheit": ("fahrenheit", "1", "℉ 华氏度"),
    "dollar": ("dollars", "1", "$ USD bucks 美元"),
    "cent": ("dollars", "1/100", "¢ 美分 penny pennies"),
    "euro": ("euros", "1", "EUR € 欧元"),
    "sterling": ("sterling", "1", "GBP quid £ 英镑"),
    "yuan": ("yuan", "1", "RMB CNY 元 块钱"),
    "rupee": ("rupees", "1", "INR Rs ₹ 卢比"),
    "yen": ("yen", "1", "JPY 日元"),
    "mph": ("length/time", "0.44704", ""),
    "km/h": ("length/time", "5/18", "kph kmh"),
}
_ONE_NAME = (frozenset(("pound", "sterling")), frozenset(("degree", "celsius")), frozenset(("degree", "fahrenheit")))
"""A word that names two units: 5 pounds are a weight or a price, 20 degrees an angle or a temperature."""

_SPELLED = {
    spelling: unit
    for unit, (_, _, names) in _UNITS.items()
    for name in (unit, *names.split())
    for spelling in ((name, name + "s", name + "es") if name.isascii() else (name,))
}
_PER = re.compile(r" ?/ ?| per |(?<=[\u4e00-\u9fff])每")
_DEGREES = re.compile(r"deg(?:rees?)? (?=(?:C|F|Celsius|Fahrenheit)$)", re.IGNORECASE)
_TEMPERATURES = {"C": "celsius", "F": "fahrenheit"}
_SQUARE = re.compile(r"(?:square|sq) |平方")
_CUBIC = re.compile(r"(?:cubic|cu) |立方")


@lru_cache(maxsize=4096)
def unit_named(words: str) -> str | None:
    """The one spelling of a unit: `square meters` is "m^2", `kilometers per hour` "km/h"; None where it is unknown."""
    if words in _SPELLED:
        return _SPELLED[words]
    if len(words) > 1 and words.lower() in _SPELLED:
        return _SPELLED[words.lower()]
    if degrees := _DEGREES.match(words):
        return _TEMPERATURES.get(words[degrees.end() :][:1].upper())
    upper, *lower = _PER.split(words)
    if lower:
        units = [unit_named(word.replace(".", "").strip()) for word in (upper, *lower)]
        return "/".join(map(str, units)) if all(units) else None
    for power, prefix in (("^2", _SQUARE), ("^3", _CUBIC)):
        if (start := prefix.match(words.lower())) and (unit := unit_named(words[start.end() :].strip(" ."))):
            return unit + power
    return None


@lru_cache(maxsize=4096)
def conversion(unit: str, other: str) -> Fraction | None:
    """How many of `other` one of `unit` is; None when they measure different things."""
    if unit == other or frozenset((unit, other)) in _ONE_NAME:
        return Fraction(1)
    (dimensions, factor), (others, other_factor) = _measured(unit), _measured(other)
    return factor / other_factor if dimensions == others else None


def _measured(unit: str) -> tuple[tuple[tuple[str, int], ...], Fraction]:
    """The powers of the dimensions a unit measures, and its factor to their first units."""
    powers: dict[str, int] = {}
    factor = Fraction(1)
    upper, *lower = [unit] if unit in _UNITS else unit.split("/")
    for sign, part in ((1, upper), *((-1, part) for part in lower)):
        name, _, power = part.partition("^")
        dimension, size, _ = _UNITS.get(name, (name, "1", ""))
        factor *= Fraction(size) ** (sign * int(power or 1))
        above, *below = dimension.split("/")
        for inner, base in ((1, above), *((-1, base) for base in below)):
            kind, _, raised = base.partition("^")
            powers[kind] = powers.get(kind, 0) + sign * inner * int(power or 1) * int(raised or 1)
    return tuple(sorted((kind, power) for kind, power in powers.items() if power)), factor

r"""Parse LaTeX with latex2sympy, several times faster than its own entry point does; runs in worker processes.

Its grammar is ambiguous, and the parser (ANTLR) spends nine tenths of its time proving that again for every expression.
Its quick mode (SLL prediction) gives the same tree wherever it gives one, by ANTLR's definition; where it gives none,
the full mode decides.
"""

import re
from functools import cache
from typing import Any

_SYMBOLS = (
    "alpha|beta|gamma|delta|epsilon|varepsilon|zeta|eta|theta|vartheta|iota|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|"
    "upsilon|phi|varphi|chi|psi|omega|Delta|Theta|Lambda|Xi|Sigma|Upsilon|Phi|Psi|Omega"
)
_RAISED_LETTER = re.compile(rf"(?<![A-Za-z\\_])((?!e)[A-Za-z]|\\(?:{_SYMBOLS})) ?\^")
"""Behind a bare letter the quick mode takes a power for the first half of a power with an index."""


def read_latex(latex: str) -> Any:
    """What latex2sympy makes of an expression, unsimplified and with letters as they are written.

    Raises:
        Exception: the parser's bare class, for whatever it does not accept.
    """
    config, quick, full = _parsers()
    try:
        return quick(config=config).parse(_RAISED_LETTER.sub(r"{\1}^", latex))
    except (RecursionError, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - whatever the quick mode stumbles over, the full one decides
        return full(config=config).parse(latex)


@cache
def _parsers() -> tuple[Any, Any, Any]:
    """How to convert, and the parsers of the quick and the full mode; a parser object keeps what it has read."""
    import sympy
    from antlr4.atn.PredictionMode import PredictionMode
    from latex2sympy2_extended.latex2sympy2 import ConversionConfig, _Latex2Sympy

    class Full(_Latex2Sympy):
        def parse_number(self, text: str) -> Any:
            """Digits without sympy's detour over Python's own parser."""
            return sympy.Integer(text) if text.isdecimal() and text.isascii() else super().parse_number(text)

    class Quick(Full):
        def create_parser(self, latex_str: str) -> Any:
            parser = super().create_parser(latex_str)
            parser._interp.predictionMode = PredictionMode.SLL
            return parser

    return ConversionConfig(lowercase_symbols=False), Quick, Full

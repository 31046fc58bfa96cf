"""Counts as people say them."""


def counted(number: float, noun: str, plural: str = "") -> str:
    """`1 row`, `1,200 rows`, `2 entries`.

    Args:
        plural: where an s does not make it.
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"

"""Did-you-mean: the nearest known name to a mistyped one."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` was probably meant to be, None when nothing is near."""
    import difflib

    names = list(known)
    plain = {name.lower().replace("_", "-").lstrip("-"): name for name in names}
    typed = word.lower().replace("_", "-").lstrip("-")
    if typed in plain:
        return plain[typed]
    near = difflib.get_close_matches(typed, plain, n=1, cutoff=0.6)
    if near:
        return plain[near[0]]
    # `--temperature` where the flag is `--sampling.temperature`, and the other way round
    tails = [name for name in names if name.rpartition(".")[2].lstrip("-") == typed.rpartition(".")[2]]
    return tails[0] if len(tails) == 1 else None


def hint(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """`: did you mean X?`, or `otherwise` when no known name is near."""
    near = nearest(word, known)
    return f": did you mean {near}?" if near else otherwise

"""Texts of which a model can tell the right ones: they begin with y. Their lengths say nothing."""

TEXTS = [["ya", "nab", "yabc", "na"], ["nb", "yb", "nbb", "ybbb"], ["yc", "ncc", "yccc", "nc"], ["nd", "yd", "yd", "n"]]
LETTERS = ["cici", "icic", "cici", "icci"]

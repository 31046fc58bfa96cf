"""Verdicts held against labels: which rows go together, what is measured of them, and the report about it."""

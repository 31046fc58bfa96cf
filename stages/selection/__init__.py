"""Which rows stay: expressions over columns, pass rates, splits, groups, overlap with a test set."""

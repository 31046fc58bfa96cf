"""Extract and compare answers, one module an answer type."""

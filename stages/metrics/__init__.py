"""Metrics and their uncertainty, pure."""

"""Metrics and log lines, made at one place from the facts."""

"""Benchmarks: one command that measures, prints a table and writes `results.json`. See docs/benchmarks.md."""

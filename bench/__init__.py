"""Every speed claim, measured: ``python -m bench`` (see docs/reference/benchmarks.md)."""

"""Benchmarks: manyfit beside its peers, in one run, on one pinned core."""

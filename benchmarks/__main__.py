"""`python -m benchmarks`: the five tasks."""

from benchmarks.five_tasks import main

main()

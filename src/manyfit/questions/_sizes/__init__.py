"""Networks of several widths and depths, and where they stop getting better."""

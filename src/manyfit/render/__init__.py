"""Answers and figure data to what people look at: charts, one self-contained page, the terminal. Never imports torch."""

"""A search through many settings at once, and how much each of them matters."""

"""Backpropagation made visible: a tape of values, one training step on it, and that step in words and numbers."""

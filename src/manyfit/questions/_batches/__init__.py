"""Batches of several sizes: steps to a target, the gradient's noise, rules for the rate."""

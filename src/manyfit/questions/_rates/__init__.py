"""The response of a score to the learning rate: the basin of good rates, its regions, its pictures."""

"""Curbs on a network, tuned and met: penalties, dropout, early stopping, noise."""

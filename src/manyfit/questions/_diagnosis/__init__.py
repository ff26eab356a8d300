"""Twins, evidence and findings of a diagnosis."""

"""Rows unlike those that trained: spoiled, attacked, held back whole."""

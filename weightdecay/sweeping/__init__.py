"""Sweeps: many λ, learning rates, seeds and folds as the columns of one tensor program."""

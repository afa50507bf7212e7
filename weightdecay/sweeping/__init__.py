"""Sweeps: many λ, learning rates, seeds and folds as the columns of one tensor program.

grid       values of λ, learning rates, seeds and memory sizes, from text or numbers
folds      which rows each fold leaves out
job        everything that a sweep is to train, checked
columns    runs as columns: rounds of seeds, chunks that fit into memory
training   the columns through the program of `weightdecay.scratch`
judging    which runs diverged, without stopping the others
result     `SweepResult`, and the choice of λ
running    `sweep` itself
remote     the same in a worker
axis       λ on a logarithmic axis, with a place for 0
terminal   the curves in the terminal
picture    losses, norms and coefficient paths as a picture
drawing    what pictures against λ share
"""

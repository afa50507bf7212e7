"""Choosing λ on one's own data.

splits       which rows each fold holds out, through scikit-learn's splitters
grids        a grid of λ from the data
scores       the loss of every λ on every fold, and the choice: best, or within one standard error
validating   those losses, from exact paths
stopping     the same for early-stopped SGD, from the columns of one sweep
job          everything that a search needs, checked
searching    the search itself
running      `tune`
remote       the same in a worker
result       `TuneResult`
insights     what λ means: each input, the prior, how delicate the choice is
table        from a file to examples, and everything that is wrong with it in one message
model        the model file: written, read and applied
picture      losses, coefficient paths and insights as a picture
"""

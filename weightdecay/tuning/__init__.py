"""Choosing λ on one's own data.

splits       which rows each fold holds out, through scikit-learn's splitters
grids        a grid of λ from the data
scores       the loss of every λ on every fold, and the choice: best, or within one standard error
validating   those losses, from exact paths
stopping     the same for early-stopped SGD, from the columns of one sweep
job          everything that a search needs, checked
searching    the search itself
running      `tune`
path         `regularization_path`, with nothing held out
remote       the same in a worker
result       `TuneResult`
insights     what λ means: the prior, how delicate the choice is
comparing    what each input gets under L2 and under L1
table        from a file to examples, and everything that is wrong with it in one message
faults       what is wrong with a table, in words
model        a fitted model, as it is kept
model_file   the file itself, and what can be wrong with it
predicting   a model applied to a table
picture      losses, coefficient paths and insights as a picture
"""

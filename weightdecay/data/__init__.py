"""The examples: where they come from, how they are split, and in which minibatches they arrive.

sources        frozen descriptions, part of an `Experiment`
load           from a description to the examples
dataset        the examples themselves, checked and split
synthetic      the generators: high-dimensional linear, and polynomial
monomials      polynomial features and how many there are
table          from a table to a dataset: target, weights, split, standardisation
files          CSV, TSV, Parquet and NPZ to columns
contents       what a column holds: numbers, labels, dates, missing values
named          real data sets that ship with a dependency
minibatches    the plan: which rows at which step
streams        independent random streams from one seed
"""

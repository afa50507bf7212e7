"""The examples: where they come from, how they are split, and in which minibatches they arrive.

sources        frozen descriptions, part of an `Experiment`
load           from a description to the examples
dataset        the examples themselves, checked and split
synthetic      the generators: high-dimensional linear, and polynomial
monomials      polynomial features and how many there are
table          the one way from a table to checked examples; every command reads through it
roles          which column plays which part
faults         everything that is wrong with a table, with the options that settle it
noting         what a user should know of a table that is used
files          files of every kind as named columns
encodings, dialect, cells, sheet
               text: its encoding, where the table stands in it, its rows, its columns
header         names, and the row labels that pandas and R store
archives, parquet
               NPZ and Parquet
contents       what a column holds: numbers, labels, times, missing values
plain          columns of numbers that are written plainly
numerals       numbers as people write them: decimal marks, thousands, currencies
instants       time stamps in the order of time
named          real data sets that ship with a dependency
minibatches    the plan: which rows at which step
streams        independent random streams from one seed
"""

"""The four concise programs of the book chapter, as it prints them.

Dive into Deep Learning (Zhang, Lipton, Li, Smola), chapter Weight Decay, section Concise
Implementation. Written anew here, with that book's loss, regularizer, optimizer and
hyperparameters, over given data, initial state and minibatches. What each really trains is
measured by `weightdecay.book`, so nothing here may be corrected.

A module offers what `weightdecay.printed` says.
"""

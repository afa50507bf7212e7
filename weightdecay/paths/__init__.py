"""All λ at once: the minimisers of J for a whole grid, without a training loop.

examples       what a path is fitted to, checked; and what is minimised
rows           weighted, centred rows and their moments, on a backend
spectrum       one decomposition for all λ: Gram, dual, or SVD where X is ill-conditioned
ridge          ridge paths, cross-validation from shared moments, leave-one-out in closed form
lasso          L1 and elastic-net paths, through scikit-learn's solver
optimality     how far from optimal each of them is, recomputed from the data
"""

"""All λ at once: the minimisers of J for a whole grid, without a training loop.

examples       what a path is fitted to, checked; what is minimised; folds
rows           weighted, centred rows and their moments, on a backend
scaling        columns brought to one strength
free           the parameters without a penalty, projected off and found afterwards
spectrum       one decomposition for all λ: Gram, dual, or SVD where X is ill-conditioned
ridge          ridge paths, and cross-validation from shared moments
leave_one_out  every row left out, in closed form
evidence       ridge as a Gaussian model: noise, effective parameters, marginal likelihood
lasso          L1 and elastic-net paths, and their cross-validation
prepared       rows made ready for the descent
descent        scikit-learn's coordinate descent, and the equations that end it
optimality     how far from optimal every fit is, computed again from the data
slopes         residuals and correlations of a whole path, in one pass
centre         predictions of inputs far from 0
passes         passes over the rows, some at a time
"""

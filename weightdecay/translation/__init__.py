"""Optimizer settings from one framework to another, with proof.

`syntax` reads the text without running it, `dialects` turn it into a `recipe` and a recipe into
text, `proof` runs both sides on the same gradients, and `translating` puts these together.
"""

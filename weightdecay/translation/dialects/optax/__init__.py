"""optax: its optimizers, `chain` and the transformations that these are made of.

Every optimizer is a chain, so it is read as one: a decay before the direction is coupled, one
between the direction and the learning rate decoupled, and one after the learning rate free of it,
with a negative number, for what is added there is added to the weights. Momentum has the learning
rate outside its buffer where `trace` stands before it, and inside where it stands after. Read with
optax 0.2.
"""

from weightdecay.translation.dialects.optax.reading import read
from weightdecay.translation.dialects.optax.vocabulary import FRAMEWORK, canonical, complete
from weightdecay.translation.dialects.optax.writing import write

__all__ = ["FRAMEWORK", "canonical", "complete", "read", "write"]

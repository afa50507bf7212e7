"""The loop of the backends that run operation by operation: a step as a straight-line program.

A framework that compiles nothing pays for every operation that Python asks of it. So a step is
recorded once for the shapes of its arguments, by calling it with stand-ins that note what is asked
of them, and written out as one Python function that holds its operations and nothing else. Against
calling the step again and again this saves

- what depends on `data` alone, such as 1 − ηλ: computed once, before the loop;
- what depends on `data` and the step's own `x` alone, such as the rows of a minibatch: computed for
  a block of steps at once, no larger than stays in the processor's cache;
- memory: every other result goes into a buffer that is used again, often that of an operand.

The numbers are those of the step: the same operations in the same order, rounded alike.

recording      stand-ins for arrays, and the tape that they write on
buffers        which results share which memory
dialect        how a framework spells the operations
writing        from a tape to a Python function
folding        `Ops.fold`, with a program for every set of shapes
"""

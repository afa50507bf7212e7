"""Hand-written trainings in each framework: what `weightdecay` is measured against.

Each module holds ``CONTESTANTS``: a name to a function that takes a `Problem`, makes everything
ready that a person would make ready once (arrays in the framework, compiled programs, buffers), and
returns a `Training`. None of them imports the trainer that they compete with. Names:

plain
    What the framework's own tutorials do for one minibatch, in a Python loop.
guide
    The guide's own way: a loader that hands out minibatches, autograd, an optimizer's step for
    each, and both losses after every epoch.
lean …
    The best that could be found by hand for this one problem: the same steps on w and b, in the
    same order, with whatever the framework offers. What counts is the fastest of them.

The lean ones share three devices. All minibatches are gathered at once, inside the timed region. A
column of ones makes the bias the last weight, and λ a vector that is 0 there. In some, a column of
targets with the weight −1 makes the residual one product. They can do nothing else: no other loss
or rule, no short last batch, no weights of examples, no losses on the way.

Left out is what would not be the same steps: a Gram matrix of the examples instead of w, or a
program that knows the data when it is compiled.
"""

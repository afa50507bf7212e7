"""Which parameters of a real model decay, and groups that make those decay that should.

A zero data gradient leaves an optimizer with its weight decay and its memory; two mirrored sets of
weights part the two. In reading order:

    reading     what a framework's reader is asked
    finding     the reader of a model, by the model's class
    measuring   the decay of every parameter, from steps at mirrored weights
    convention  what a parameter looks like it should be
    judging     where the two differ, in sentences
    covering    `weightdecay.coverage`
    patterns    names to strengths
    grouping    `weightdecay.decay_groups`
"""

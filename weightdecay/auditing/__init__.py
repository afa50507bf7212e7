"""What does this optimizer's weight decay really do? Measured, from its steps alone.

An optimizer is compared with its own twin, the same optimizer without decay, under rival
hypotheses about where the decay enters. NumPy judges; `weightdecay.probe` says how a framework's
optimizers are driven. In reading order:

    knobs       which settings are the decay and the learning rate, by their names
    subject     the optimizer and its twin, built as often as needed
    foreign     somebody else's code, called: what it raises, prints and warns of
    driving     whether it can be driven at all, and with which parameters
    trials      the random weights and gradients on which they are compared
    accumulating  optimizers that step once in several calls
    hypotheses  where the decay may enter, each as a way to drive the twin
    rates       the learning rates of a schedule that the factory has fixed
    verdict     the hypothesis that reproduces a trial it was not fitted on, to rounding
    trying      the trials to pass, those at the user's own settings among them
    looking     whether it still holds in many steps, for other sizes and rates
    choosing    which of those accepted it is
    equation    the hypothesis, written down
    clipping    whether the decay is clipped along with the gradient
    unexplained what to say when there is no such hypothesis
    facts       no gradient, zero gradient, learning rate 0, maximize, momentum
    stationary  the λ whose optimum a quadratic settles on
    result      all of it, as one report
    unrecognised  a decay that is there though no setting of that name is
    absent      what is reported where the setting seems to do nothing, and what decays beside it
    composing   from what was found to the report
    auditor     `weightdecay.audit`
    atlas       every built-in optimizer with a decay, found by looking
    remote      an audit in the process of another interpreter
    survey      the atlas of all frameworks, each in a process of its own
"""

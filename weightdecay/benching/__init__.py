"""Timing the backends: equal results first, then each in a process of its own, in turn.

sizes       the problems that are timed, by name or by shape
case        one problem with its data, initial state, minibatches and NumPy's answer
threads     thread counts that are equal for every backend
starting    starting workers, and how long that takes
work        the worker's side: place, train for the first time, repeat under a clock
lanes       the parent's side: one backend's worker and what it has measured
running     the whole: prove, then measure round after round
scaling     cost against n, inputs and number of λ, and the exponents
picture     the same, drawn
result      what all of it ends with
machine     the machine that figures were taken on
"""

"""The frameworks' own training, as independent evidence: nothing here imports the core's rules.

A module here may import `weightdecay.native` (what it is asked and what it answers),
`weightdecay.experiment` and its framework; never loss, penalty, update or train.
"""

"""What the commands show: one JSON object each, or tables, curves and sentences for a person.

A module for each command; none of them computes anything that a result does not already hold.
"""

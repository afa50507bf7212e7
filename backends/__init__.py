"""One adapter a framework; reached through ``weightdecay.load``, never imported directly."""

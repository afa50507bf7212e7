"""In a checkout, ``weightdecay.backends`` is the top-level ``backends/`` folder.

An installed copy holds that folder itself and not this module.
"""

import pathlib

__path__ = [str(pathlib.Path(__file__).parents[1] / "backends")]

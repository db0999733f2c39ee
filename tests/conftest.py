"""Hypothesis for all tests: no deadline (the first call of a gate loads its lexicon), the same examples at each run of CI."""

import os

from hypothesis import settings

settings.register_profile("pairsmith", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("pairsmith")

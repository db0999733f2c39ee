"""``python -m pairsmith`` is the console script ``pairsmith``."""

import sys

from pairsmith.cli import main

sys.exit(main())

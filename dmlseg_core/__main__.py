"""`python -m dmlseg_core`: the command line, also where the package is not installed."""

from __future__ import annotations

import sys

from dmlseg_core.cli import main

if __name__ == "__main__":
    sys.exit(main())

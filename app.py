"""`python app.py`: open dmlseg in the browser; `python app.py --help` lists the flags."""

from __future__ import annotations

import sys

from dmlseg_core.cli import main

if __name__ == "__main__":
    sys.exit(main(["app", *sys.argv[1:]]))

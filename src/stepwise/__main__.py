"""`python -m stepwise`; see cli.py."""

import sys

from stepwise.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""``python -m pluma_tui`` is the same program as ``pluma``."""

import sys

from pluma_tui.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

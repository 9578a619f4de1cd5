"""Entry point of `python -m tidemark_trainer`."""

import sys

from tidemark_trainer.cli import main

sys.exit(main())

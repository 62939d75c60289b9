"""`python -m pipeline_workers.simulator`: see --help."""

from __future__ import annotations

import sys

from pipeline_workers.simulator.run import main

sys.exit(main())

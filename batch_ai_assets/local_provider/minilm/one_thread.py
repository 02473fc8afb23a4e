"""Keeps numpy to one thread. Imported before numpy, because OpenBLAS looks only when it loads.

The matrices here are so small that a second thread mostly waits: on two busy cores a window cost
2.5 times the CPU and twice the time. The model answers one request at a time, and the rest of the
run needs the other cores. Where numpy was loaded before, its threads stay as they are.
"""

from __future__ import annotations

import os

os.putenv("OPENBLAS_NUM_THREADS", "1")

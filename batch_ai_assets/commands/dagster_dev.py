"""The process that `batch-ai ui` becomes: `dagster dev`, less two remarks that are not for users.

It says that `dg dev` is its successor, and that a `dagster.yaml` in the working folder is not the
one in use. Both are so on purpose; everything else that it says stays.
"""

from __future__ import annotations

import logging
import runpy
import signal
import warnings

_UNUSED_FILE = "Found a dagster instance configuration value"


def main() -> None:
    """Run `dagster` with the words of the command line."""
    # A shell that starts this in the background leaves Ctrl-C ignored; Dagster then takes SIGTERM
    # for the same and could only be killed.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    warnings.filterwarnings("ignore", message="Function `dev_command` is superseded")
    logging.getLogger("dagster").addFilter(lambda record: _UNUSED_FILE not in record.getMessage())
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

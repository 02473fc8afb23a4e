"""What a victim has loaded before it is born: imported where victims are forked, nowhere else.

The engine loads all of it when it is first needed. A quarter of a short run would be loading, and
kills would fall there instead of among plans, calls, verdicts and pointers.
"""

from __future__ import annotations

import aiohttp  # noqa: F401
import openai  # noqa: F401
import pandas  # noqa: F401
import pandera.pandas  # noqa: F401
import pyarrow.parquet  # noqa: F401

from batch_ai_assets.engine.tokens import count_tokens

from . import victim  # noqa: F401

count_tokens([""])  # loads the vocabulary

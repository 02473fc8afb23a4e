"""Errors as Dagster may keep them: it writes down what an error and all its causes say.

Our own errors say nothing that is secret. What others say may quote a document, an answer, a key or
a request that a provider repeats: of those the kind and the places in the code are left.
"""

from __future__ import annotations

from batch_ai_assets.engine.errors import BatchAIError


class Unsaid(Exception):  # noqa: N818 - stands for an error of any kind
    """An error without its words."""


def unsaid(error: BaseException) -> BaseException:
    """`error` with its causes, to be raised from; of those that are not ours, without words."""
    shown = error
    if not isinstance(error, BatchAIError):
        shown = Unsaid(f"{type(error).__name__}; its own words may quote a document")
        shown.with_traceback(error.__traceback__)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    shown.__cause__ = None if cause is None else unsaid(cause)
    return shown

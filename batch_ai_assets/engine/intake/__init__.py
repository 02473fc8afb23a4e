"""Items in: where a batch's documents lie, reading and cleaning them, and what is wrong with one.

Reading is one seam, `read_documents(job, location)`. Nothing here knows of prices, calls or state.
"""

from .document import Document, Problem, ProblemReason
from .location import InputLocation, resolve_location
from .readers import read_documents

__all__ = [
    "Document",
    "InputLocation",
    "Problem",
    "ProblemReason",
    "read_documents",
    "resolve_location",
]

"""What a job is: models of the registry files, and loading them. Ground of the engine."""

from .base import BatchKey, DataClass, class_rank
from .job import JobSpec, RuleSpec
from .provider import ModelOffer, Price, ProviderSpec
from .resolved import Example, ResolvedJob

__all__ = [
    "BatchKey",
    "DataClass",
    "Example",
    "JobSpec",
    "ModelOffer",
    "Price",
    "ProviderSpec",
    "ResolvedJob",
    "RuleSpec",
    "class_rank",
]

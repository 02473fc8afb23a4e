"""What a job is: models of the registry files, and loading them. Ground of the engine."""

from .base import BatchKey, DataClass, class_rank
from .job import JobSpec, RuleSpec
from .provider import ModelOffer, Price, ProviderSpec

__all__ = [
    "BatchKey",
    "DataClass",
    "JobSpec",
    "ModelOffer",
    "Price",
    "ProviderSpec",
    "RuleSpec",
    "class_rank",
]

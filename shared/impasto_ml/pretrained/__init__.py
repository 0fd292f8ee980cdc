"""Weights of others that Impasto builds on: which they are, under which licence, and how they get here."""

from .catalogue import CATALOGUE, PretrainedPackage, package_named
from .fetch import FetchError, FetchStep, NotFetched, fetch, locate, verify
from .pickles import UnsafePickle

__all__ = [
    "CATALOGUE",
    "FetchError",
    "FetchStep",
    "NotFetched",
    "PretrainedPackage",
    "UnsafePickle",
    "fetch",
    "locate",
    "package_named",
    "verify",
]

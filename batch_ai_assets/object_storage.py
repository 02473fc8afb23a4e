"""Tables and inputs on `s3://`, through the S3 client that pyarrow carries: no further package.

fsspec and UPath know `s3` only with another client installed. Here pyarrow's is put in its place,
with the endpoint and region that AWS settings name. Keys are never read: the client finds them
where every AWS tool looks (environment, profile, role), and renews those that expire.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from batch_ai_assets.engine.errors import StorageError


def offer_s3() -> None:
    """Let fsspec find this client when `s3://` is asked for; until then it is not imported."""
    import fsspec  # type: ignore[import-untyped]

    fsspec.register_implementation("s3", f"{__name__}.S3", clobber=True)


def __getattr__(name: str) -> Any:
    if name == "S3":
        return _register_s3()
    raise AttributeError(name)


def reachable(url: str) -> str:
    """`url`, once its scheme can be read; a local folder as it is.

    Raises StorageError for a scheme that this platform has no client for.
    """
    scheme, separator, _ = url.partition("://")
    if separator and scheme == "s3":
        _register_s3()
    elif separator and scheme not in ("file", "memory"):
        raise StorageError(
            f"{scheme}:// cannot be used for BATCH_AI_DATA_URL: name a folder, or s3://bucket/prefix"
        )
    return url


@cache
def _register_s3() -> Any:
    import fsspec
    from dagster_aws.s3 import S3Resource
    from fsspec.implementations.arrow import ArrowFSWrapper  # type: ignore[import-untyped]
    from fsspec.spec import AbstractFileSystem  # type: ignore[import-untyped]
    from pyarrow.fs import S3FileSystem

    where = S3Resource().get_client().meta

    class S3(ArrowFSWrapper):  # type: ignore[misc]
        """pyarrow's S3 client as fsspec wants it."""

        protocol = ("s3",)
        root_marker = ""  # of the class, too: UPath asks it, and no instance, where a path ends
        _parent: Any = classmethod(AbstractFileSystem._parent.__func__)

        def __init__(self, **options: object) -> None:
            client = S3FileSystem(region=where.region_name, endpoint_override=where.endpoint_url)
            super().__init__(client, **options)

    fsspec.register_implementation("s3", S3, clobber=True)
    return S3

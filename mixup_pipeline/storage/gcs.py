"""Google Cloud Storage, gs://."""

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import google.auth
import requests
from apache_beam.io.gcp.gcsio import create_storage_client
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions
from google.api_core.exceptions import (
    Forbidden,
    GoogleAPICallError,
    NotFound,
    PreconditionFailed,
    RequestRangeNotSatisfiable,
    RetryError,
    Unauthorized,
)
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage.retry import DEFAULT_RETRY

from mixup_pipeline.errors import StoreError, first_line
from mixup_pipeline.storage.store import ObjectInfo

_RETRY = DEFAULT_RETRY.with_timeout(60)  # seconds
_DELETE_THREADS = 8
_HOW_TO_LOG_IN = "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"


class GcsStore:
    """Implements `store.Store`."""

    def __init__(self, options: PipelineOptions) -> None:
        self._client: Any = create_storage_client(options, use_credentials=_has_credentials(options))

    def read_range(self, bucket: str, key: str, offset: int, length: int) -> bytes:
        with _errors(bucket, key):
            try:
                content: bytes = self._blob(bucket, key).download_as_bytes(
                    start=offset, end=offset + length - 1, raw_download=True, retry=_RETRY
                )
            except RequestRangeNotSatisfiable:  # the offset is past the end
                return b""
            return content

    def put(self, bucket: str, key: str, content: bytes) -> None:
        with _errors(bucket, key):
            self._blob(bucket, key).upload_from_string(content, "application/octet-stream", retry=_RETRY)

    def put_if_match(self, bucket: str, key: str, content: bytes, version: str | None) -> str | None:
        with _errors(bucket, key):
            blob = self._blob(bucket, key)
            try:
                blob.upload_from_string(content, if_generation_match=int(version or 0), retry=_RETRY)
            except PreconditionFailed:
                return None
            return str(blob.generation)

    def upload(self, bucket: str, key: str, path: Path) -> None:
        with _errors(bucket, key):
            self._blob(bucket, key).upload_from_filename(
                str(path), "application/octet-stream", checksum="crc32c", retry=_RETRY
            )

    def copy(self, bucket: str, key: str, target: str) -> None:
        with _errors(bucket, key):
            source, copied, token = self._blob(bucket, key), self._blob(bucket, target), None
            while True:  # a large object takes several requests
                token, _, _ = copied.rewrite(source, token=token, retry=_RETRY)
                if token is None:
                    return

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        with _errors(bucket, key):
            blob = self._bucket(bucket).get_blob(key, retry=_RETRY)
            return None if blob is None else _info(blob)

    def list_objects(self, bucket: str, prefix: str, *, recursive: bool) -> Iterator[ObjectInfo | str]:
        with _errors(bucket, prefix):
            listing = self._client.list_blobs(
                self._bucket(bucket), prefix=prefix, delimiter=None if recursive else "/", retry=_RETRY
            )
            for blob in listing:
                yield _info(blob)
            yield from sorted(listing.prefixes)

    def delete(self, bucket: str, keys: Iterable[str]) -> None:
        def remove(key: str) -> None:
            with _errors(bucket, key), contextlib.suppress(NotFound):
                self._blob(bucket, key).delete(retry=_RETRY)

        with ThreadPoolExecutor(_DELETE_THREADS) as pool:  # the client does not retry a batch request
            list(pool.map(remove, keys))

    def close(self) -> None:
        self._client.close()

    def _bucket(self, name: str) -> Any:
        try:
            return self._client.bucket(name)
        except ValueError as error:
            reason = f"{name} is not a valid bucket name: correct it"
            raise StoreError(errno.EINVAL, reason, f"gs://{name}/") from error

    def _blob(self, bucket: str, key: str) -> Any:
        return self._bucket(bucket).blob(key)


def _has_credentials(options: PipelineOptions) -> bool:
    """Whether this machine has credentials. (Beam would search for half a minute. Public buckets need none.)"""
    if options.view_as(GoogleCloudOptions).no_auth or os.environ.get("STORAGE_EMULATOR_HOST"):
        return False
    try:
        google.auth.default()
    except GoogleAuthError:
        return False
    return True


def _info(blob: Any) -> ObjectInfo:
    return ObjectInfo(key=blob.name, size=blob.size, version=str(blob.generation))


@contextlib.contextmanager
def _errors(bucket: str, key: str) -> Iterator[None]:
    url = f"gs://{bucket}/{key}"
    try:
        yield
    except NotFound as error:
        missing = f"there is no such object, or no bucket {bucket}: create it or correct its name"
        raise StoreError(errno.ENOENT, missing, url) from error
    except (Unauthorized, Forbidden) as error:
        reason = f"access denied ({error.code}): {_HOW_TO_LOG_IN}"
        raise StoreError(errno.EACCES, reason, url) from error
    except GoogleAuthError as error:
        raise StoreError(
            errno.EACCES, f"the credentials do not work ({first_line(error)}): {_HOW_TO_LOG_IN}", url
        ) from error
    except (GoogleAPICallError, RetryError, requests.RequestException) as error:
        raise StoreError(errno.EIO, f"the store cannot be used ({first_line(error)}): try again later", url) from error

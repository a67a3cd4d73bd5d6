"""Amazon S3 and other stores with its protocol, s3://."""

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from apache_beam.io.aws.s3io import S3IO
from apache_beam.options.pipeline_options import PipelineOptions
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ResponseStreamingError,
)

from mixup_pipeline.errors import StoreError, first_line
from mixup_pipeline.storage.store import ObjectInfo

_KEYS_PER_DELETE = 1000
_READ_ATTEMPTS = 5
_RETRIES = {"AWS_RETRY_MODE": "legacy", "AWS_MAX_ATTEMPTS": "8"}
"""Retry for about a minute, with pauses of up to 1, 2, 4 … seconds. By default the client gives up within a second.
What the user has set is kept."""
_HOW_TO_LOG_IN = "give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or --s3_access_key_id … after --"


class S3Store:
    """Implements `store.Store`."""

    def __init__(self, options: PipelineOptions) -> None:
        for name, value in _RETRIES.items():
            os.environ.setdefault(name, value)
        try:
            self._client: Any = S3IO(options=options).client.client
        except (BotoCoreError, ValueError) as error:
            raise StoreError(errno.EINVAL, f"the client cannot be made ({first_line(error)})", "s3://") from error

    def read_range(self, bucket: str, key: str, offset: int, length: int) -> bytes:
        request = {"Bucket": bucket, "Key": key, "Range": f"bytes={offset}-{offset + length - 1}"}
        with _errors(bucket, key):
            for attempt in range(_READ_ATTEMPTS):
                try:
                    answer = self._client.get_object(**request)
                except ClientError as error:
                    if error.response["ResponseMetadata"]["HTTPStatusCode"] == 416:  # the offset is past the end
                        return b""
                    raise
                try:  # the client retries a request, but not the reading of its answer
                    body: bytes = answer["Body"].read()
                    return body
                except (ResponseStreamingError, HTTPClientError):
                    if attempt == _READ_ATTEMPTS - 1:
                        raise
            raise AssertionError

    def close(self) -> None:
        self._client.close()

    def put(self, bucket: str, key: str, content: bytes) -> None:
        with _errors(bucket, key):
            self._client.put_object(Bucket=bucket, Key=key, Body=content)

    def put_if_match(self, bucket: str, key: str, content: bytes, version: str | None) -> str | None:
        condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        with _errors(bucket, key):
            try:
                written: str = self._client.put_object(Bucket=bucket, Key=key, Body=content, **condition)["ETag"]
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] in (404, 409, 412):
                    return None
                raise
            return written

    def upload(self, bucket: str, key: str, path: Path) -> None:
        with _errors(bucket, key):
            try:
                self._client.upload_file(str(path), bucket, key)
            except S3UploadFailedError as error:
                if isinstance(error.__context__, ClientError):  # it tells the cause
                    raise error.__context__ from None
                raise

    def copy(self, bucket: str, key: str, target: str) -> None:
        with _errors(bucket, key):
            self._client.copy({"Bucket": bucket, "Key": key}, bucket, target)

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        with _errors(bucket, key):
            try:
                head = self._client.head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    return None
                raise
            return ObjectInfo(key=key, size=head["ContentLength"], version=head["ETag"])

    def list_objects(self, bucket: str, prefix: str, *, recursive: bool) -> Iterator[ObjectInfo | str]:
        with _errors(bucket, prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Prefix=prefix, **({} if recursive else {"Delimiter": "/"})
            )
            for page in pages:
                for item in page.get("Contents", ()):
                    yield ObjectInfo(key=item["Key"], size=item["Size"], version=item["ETag"])
                for folder in page.get("CommonPrefixes", ()):
                    yield folder["Prefix"]

    def delete(self, bucket: str, keys: Iterable[str]) -> None:
        names = list(keys)
        with _errors(bucket, names[0] if names else ""):
            for first in range(0, len(names), _KEYS_PER_DELETE):
                objects = [{"Key": key} for key in names[first : first + _KEYS_PER_DELETE]]
                answer = self._client.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
                for fault in answer.get("Errors", ()):
                    raise StoreError(errno.EIO, fault.get("Message", fault["Code"]), f"s3://{bucket}/{fault['Key']}")


@contextlib.contextmanager
def _errors(bucket: str, key: str) -> Iterator[None]:
    url = f"s3://{bucket}/{key}"
    try:
        yield
    except ClientError as error:
        code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        if code == "NoSuchBucket":
            raise StoreError(
                errno.ENOENT, f"there is no bucket {bucket}: create it or correct its name", url
            ) from error
        if status == 404:
            raise StoreError(errno.ENOENT, "there is no such object", url) from error
        if status in (400, 401, 403):
            raise StoreError(errno.EACCES, f"access denied ({code}): {_HOW_TO_LOG_IN}", url) from error
        raise StoreError(
            errno.EIO, f"the store answered {status} ({first_line(error)}): try again later", url
        ) from error
    except (NoCredentialsError, PartialCredentialsError, NoRegionError) as error:
        raise StoreError(errno.EACCES, f"there are no credentials: {_HOW_TO_LOG_IN}", url) from error
    except ParamValidationError as error:
        raise StoreError(errno.EINVAL, f"{bucket} is not a valid bucket name: correct it", url) from error
    except (BotoCoreError, S3UploadFailedError) as error:
        reason = f"the store cannot be reached ({first_line(error)}): check the network and --s3_endpoint_url"
        raise StoreError(errno.EIO, reason, url) from error

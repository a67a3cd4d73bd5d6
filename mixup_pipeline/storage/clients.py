"""Object stores, gs:// and s3://, behind one small interface.

The clients are those of Beam's file systems, so that credentials and options (`--s3_endpoint_url`, `--project` …) are
given as everywhere in Beam. What Beam's own file objects do badly goes to the clients themselves: exact ranges (Beam
fetches 16 MiB, or the rest of the object, at every seek), uploads that are complete or absent (Beam's writers complete
an upload also when an error closes them), and conditional writes, of which a lock is made.

A client is made once a process, and is used by several threads. Short failures (503, time-outs, broken connections)
are tried again by the clients for about a minute; what remains is a StoreError with one line that says what to do.
"""

import threading
from typing import Any

from mixup_pipeline.errors import UsageError
from mixup_pipeline.storage.store import Store

SCHEMES = ("gs", "s3")
_EXTRAS = {"gs": "gcs", "s3": "s3"}
_MADE: dict[str, "Store"] = {}
_MAKING = threading.Lock()
_CHOOSING = threading.Lock()
_GOOGLE_ACCESS = ("no_auth", "project", "impersonate_service_account")


def store(scheme: str) -> Store:
    """The store of a scheme.

    Raises UsageError for a scheme that is not supported, or whose libraries are not installed.
    """
    if scheme not in SCHEMES:
        raise UsageError(f"{scheme}:// cannot be read or written: use a local folder, gs:// or s3://")
    try:
        with _MAKING:
            if scheme not in _MADE:
                _MADE[scheme] = _make(scheme)
            return _MADE[scheme]
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{scheme}:// needs a library that is not installed ({error.name}): "
            f"pip install 'mixup-pipeline[{_EXTRAS[scheme]}]'"
        ) from error


def set_store_options(options: Any) -> None:
    """Use these Beam options (credentials, endpoints) for the clients of this process from now on."""
    from apache_beam.io.filesystems import FileSystems

    FileSystems.set_options(options)
    forget_stores()


def use_store_options(access: dict[str, Any]) -> None:
    """Reach stores as `store_options` said elsewhere; clients that do so already stay, as other steps may use them."""
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    with _CHOOSING:
        known = FileSystems._pipeline_options
        if known is None or store_options(known) != access:
            set_store_options(PipelineOptions.from_dictionary(access))


def forget_stores() -> None:
    """Close the clients of this process; they are made anew when they are needed."""
    with _MAKING:
        while _MADE:
            _MADE.popitem()[1].close()


def store_options(options: Any) -> dict[str, Any]:
    """Those of Beam's options that a worker needs to reach stores as this process does; not every worker gets them."""
    from apache_beam.options.pipeline_options import GoogleCloudOptions, S3Options

    amazon = options.view_as(S3Options).get_all_options(drop_default=True, current_only=True)
    google = options.view_as(GoogleCloudOptions).get_all_options(drop_default=True, current_only=True)
    return {**amazon, **{name: google[name] for name in _GOOGLE_ACCESS if name in google}}


def _make(scheme: str) -> Store:
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    options = FileSystems._pipeline_options or PipelineOptions(
        []
    )  # those of the pipeline, which Beam's workers set too
    if scheme == "gs":
        from mixup_pipeline.storage.gcs import GcsStore

        return GcsStore(options)
    from mixup_pipeline.storage.s3 import S3Store

    return S3Store(options)

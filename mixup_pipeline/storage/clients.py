"""One client per process for each object store (gs://, s3://), made with Beam's options and credentials.

We use the clients that Beam's file systems make, so credentials and options (`--s3_endpoint_url`, `--project` …) are
given as everywhere in Beam. We do not use Beam's file objects:

- they fetch 16 MiB, or the rest of the object, at every seek; we read exact ranges;
- they complete an upload even when an error closes them; our uploads are whole or absent;
- they have no conditional writes, which a lock needs.

A client is shared by all threads. It retries short failures (503, time-outs, broken connections) for about a minute.
What still fails is a StoreError: one line that says what to do.
"""

import threading
from typing import Any

from mixup_pipeline.errors import UsageError
from mixup_pipeline.storage.store import Store

SCHEMES = ("gs", "s3")
_EXTRAS = {"gs": "gcs", "s3": "s3"}
_CLIENTS: dict[str, "Store"] = {}
_CLIENTS_LOCK = threading.Lock()
_OPTIONS_LOCK = threading.Lock()
_GOOGLE_OPTIONS = ("no_auth", "project", "impersonate_service_account")


def store(scheme: str) -> Store:
    """The store of a scheme.

    Raises UsageError for a scheme that is not supported, or whose libraries are not installed.
    """
    if scheme not in SCHEMES:
        raise UsageError(f"{scheme}:// cannot be read or written: use a local folder, gs:// or s3://")
    try:
        with _CLIENTS_LOCK:
            if scheme not in _CLIENTS:
                _CLIENTS[scheme] = _new_client(scheme)
            return _CLIENTS[scheme]
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{scheme}:// needs a library that is not installed ({error.name}): "
            f"pip install 'mixup-pipeline[{_EXTRAS[scheme]}]'"
        ) from error


def set_store_options(options: Any) -> None:
    """Use these Beam options (credentials, endpoints) for all clients of this process from now on."""
    from apache_beam.io.filesystems import FileSystems

    FileSystems.set_options(options)
    close_clients()


def use_store_options(access: dict[str, Any]) -> None:
    """On a worker: use the options that `store_options` gave in the launcher.

    Clients that already use them are kept, because other steps may be reading with them.
    """
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    with _OPTIONS_LOCK:
        known = FileSystems._pipeline_options
        if known is None or store_options(known) != access:
            set_store_options(PipelineOptions.from_dictionary(access))


def close_clients() -> None:
    """Close the clients of this process. The next use makes new ones."""
    with _CLIENTS_LOCK:
        while _CLIENTS:
            _CLIENTS.popitem()[1].close()


def store_options(options: Any) -> dict[str, Any]:
    """The Beam options that a worker needs to reach stores as this process does. Not every engine passes them on."""
    from apache_beam.options.pipeline_options import GoogleCloudOptions, S3Options

    amazon = options.view_as(S3Options).get_all_options(drop_default=True, current_only=True)
    google = options.view_as(GoogleCloudOptions).get_all_options(drop_default=True, current_only=True)
    return {**amazon, **{name: google[name] for name in _GOOGLE_OPTIONS if name in google}}


def _new_client(scheme: str) -> Store:
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    options = FileSystems._pipeline_options or PipelineOptions([])  # Beam's workers set those of the pipeline
    if scheme == "gs":
        from mixup_pipeline.storage.gcs import GcsStore

        return GcsStore(options)
    from mixup_pipeline.storage.s3 import S3Store

    return S3Store(options)

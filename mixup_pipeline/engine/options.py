"""Beam's options: the preset of an engine, then what the user gives after `--`. An unknown option is an error."""

import contextlib
import difflib
import io
import json
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
    TestOptions,
)
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.runners.runner import PipelineRunner, create_runner

from mixup_pipeline.config import ENGINES, check_choice
from mixup_pipeline.engine.flink import EMBEDDED
from mixup_pipeline.engine.ranges import check_values, complaint
from mixup_pipeline.errors import EngineError, UsageError, first_line

_NO_DASK = "--engine dask: Beam's DaskRunner loses outputs of this pipeline: use local, prism, flink, spark or dataflow"
_PROGRAMS = {"prism": ("prism_location", "prism"), "flink": ("flink_job_server_jar", "flink-job-server.jar")}
_DATAFLOW_NEEDS = {
    "project": ("--project=my-project", "the project that runs the job and pays for it"),
    "region": ("--region=europe-west4", "preferably the region of the buckets"),
    "temp_location": ("--temp_location=gs://my-bucket/temp", "a folder for the files that the job stages"),
    "sdk_container_image": (
        "--sdk_container_image=REGISTRY/IMAGE:TAG",
        "an image with mixup-pipeline: docs/dataflow.md",
    ),
}


def preset_flags(engine: str) -> list[str]:
    """Flags of the engine's preset in `pipelines/`, with the path of the program that `make engines` built, if it did.

    Raises UsageError for an unknown engine, or one that cannot run this pipeline.
    """
    if engine == "dask":
        raise UsageError(_NO_DASK)
    check_choice("engine", engine, ENGINES)
    preset = json.loads((resources.files("mixup_pipeline.pipelines") / f"{engine}.json").read_text())
    options = dict(preset["options"])
    option, program = _PROGRAMS.get(engine, ("", ""))
    if program and (engines_folder() / program).is_file():
        options[option] = engines_folder() / program
    return [f"--{option}={value}" for option, value in options.items()]


def engines_folder() -> Path:
    """The folder in which `make engines` puts the programs of engines."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "mixup-pipeline" / "engines"


def pipeline_options(engine: str, beam_args: Sequence[str]) -> PipelineOptions:
    """Parse the preset of an engine, overridden by the user's options.

    Raises UsageError for an option that Beam does not know, a value that it refuses, or a runner that cannot run this
    pipeline. Raises EngineError where Dataflow has no working credentials or no usable bucket.
    """
    flags = [*preset_flags(engine), *beam_args]
    parsers: list[Any] = []
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            options = PipelineOptions(flags)
            options.get_all_options(add_extra_args_fn=parsers.append)
            unknown = parsers[0].parse_known_args(flags)[1]
    except SystemExit as error:
        raise complaint(said.getvalue().strip().splitlines()[-1].partition("error: ")[2]) from error
    except TypeError as error:  # Beam's only option that it takes apart while it parses
        raise UsageError(
            f"Beam options after '--': --sdk_harness_log_level_overrides must be a JSON object ({first_line(error)})"
        ) from error
    if unknown:
        known = [flag for action in parsers[0]._actions for flag in action.option_strings]
        near = difflib.get_close_matches(unknown[0].partition("=")[0], known, 1, cutoff=0.75)
        hint = f"did you mean {near[0]}?" if near else "options of mixup-augment itself go before '--'"
        raise UsageError(f"Beam options after '--': Beam does not know {unknown[0]!r}: {hint}")
    check_values(options)
    runner = options.view_as(StandardOptions).runner or ""
    if "dask" in runner.lower():
        raise UsageError(_NO_DASK)
    try:
        made = create_runner(runner)
    except (ValueError, ImportError, AttributeError) as error:
        raise UsageError(f"Beam options after '--': --runner={runner} cannot be used by Beam: {error}") from error
    _check_cluster(options)
    if runner.endswith("DataflowRunner"):
        _check_dataflow(options, made)
    return options


def _check_cluster(options: PipelineOptions) -> None:
    """A cluster needs workers with mixup-pipeline. Beam's default image does not have it."""
    master = options.view_as(FlinkRunnerOptions).flink_master or EMBEDDED[0]
    if master not in EMBEDDED and not options.view_as(PortableOptions).environment_type:
        raise UsageError(
            f"Beam options after '--': --flink_master={master} is a cluster, so say where Python workers with "
            f"mixup-pipeline run: --environment_type=EXTERNAL --environment_config=HOST:PORT, or DOCKER and an image"
        )


def _check_dataflow(options: PipelineOptions, runner: PipelineRunner) -> None:
    """Require what Dataflow needs. Otherwise Beam would invent a bucket, or use an image without mixup-pipeline."""
    given = options.get_all_options()
    for name, (example, meaning) in _DATAFLOW_NEEDS.items():
        if not given[name]:
            raise UsageError(f"Beam options after '--': engine dataflow needs {example} ({meaning})")
    try:
        import apache_beam.runners.dataflow.internal.apiclient  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"--engine dataflow needs Google's libraries ({first_line(error)}): pip install 'mixup-pipeline[dataflow]'"
        ) from error
    validator, cloud = PipelineOptionsValidator(options, runner), options.view_as(GoogleCloudOptions)
    folders = [name for name in ("temp_location", "staging_location") if given[name]]
    faults = [fault for name in folders for fault in validator.validate_gcs_path(cloud, name)]
    if validator.is_service_runner():  # not a stand-in on this machine, whose address Beam refuses
        faults += validator.validate_cloud_options(cloud)
    if faults:
        raise UsageError(f"Beam options after '--': {faults[0]}")
    if not options.view_as(TestOptions).dry_run:
        _check_access(cloud, folders)


def _check_access(cloud: GoogleCloudOptions, folders: Sequence[str]) -> None:
    """Try credentials and buckets once: Beam ignores missing credentials, and retries a missing bucket for minutes."""
    import google.auth
    from apache_beam.io.gcp.gcsio import create_storage_client, parse_gcs_path
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    try:
        if not cloud.no_auth:
            google.auth.default(scopes=cloud.gcp_oauth_scopes)
        client = create_storage_client(cloud, not cloud.no_auth)
        for name in folders:
            bucket, _ = parse_gcs_path(getattr(cloud, name), object_optional=True)
            client.get_bucket(bucket, retry=None, timeout=30)
    except GoogleAuthError as error:
        raise EngineError(
            f"--engine dataflow: no working Google credentials ({first_line(error).partition('. ')[0]}): "
            f"run `gcloud auth application-default login`, or name a key file in GOOGLE_APPLICATION_CREDENTIALS"
        ) from error
    except GoogleAPICallError as error:
        raise EngineError(
            f"--{name}: bucket {bucket} cannot be used ({error.code} {error.message}): check its name and project, "
            f"and that your account may read and write there"
        ) from error
    except RequestException as error:
        raise EngineError(f"--engine dataflow: Google Cloud Storage cannot be reached ({first_line(error)})") from error

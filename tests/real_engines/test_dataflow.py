"""Dataflow without Dataflow: its runner's own translation, and a submission to a service on this machine.

Nothing here has met the real service.
"""

import hashlib
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.portability.api import beam_runner_api_pb2 as messages
from google.cloud import storage

from mixup_pipeline import MixConfig, SourceConfig
from mixup_pipeline.cli import augment
from mixup_pipeline.cli.template import command
from mixup_pipeline.engine.graph import build_pipeline
from mixup_pipeline.engine.options import pipeline_options
from mixup_pipeline.errors import EngineError, UsageError
from mixup_pipeline.run.claim import claim
from mixup_pipeline.run.request import Request
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.source import Source, SourceFile
from tests.commands import run, succeed
from tests.datasets import write_tfds
from tests.real_engines.clouds import Dataflow, account_key, dataflow, google_storage, needs_storage
from tests.reference import shard_hashes, without_origin

IMAGE = "europe-west4-docker.pkg.dev/some-project/images/mixup:1"
NEEDED = {
    "project": "some-project",
    "region": "europe-west4",
    "temp_location": "gs://bucket/temp",
    "sdk_container_image": IMAGE,
}
DRY = "--dry_run=true"
GIVEN = [f"--{name}={value}" for name, value in NEEDED.items()]
STEPS = (
    "Request",
    "ListFiles",
    "SpreadFiles",
    "IndexFile",
    "AllFiles",
    "Plan",
    "Reshuffle",
    "MixShard",
    "AllShards",
    "Commit",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tfds(tmp_path_factory.mktemp("data") / "shapes/1.0.0", num_examples=300, num_files=3).folder


@pytest.fixture(scope="module")
def source(folder: Path) -> Source:
    return open_source(SourceConfig(src=str(folder)))


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[storage.Client]:
    with google_storage(tmp_path_factory.mktemp("storage") / "log") as client:
        yield client


@pytest.fixture
def service(bucket: storage.Client) -> Iterator[Dataflow]:
    with dataflow(bucket) as running:
        yield running


def translated(source: Source, out: Path) -> Any:
    """The job that Beam's DataflowRunner makes of a run, after its own checks."""
    options = pipeline_options("dataflow", [*GIVEN, DRY])
    pipeline = beam.Pipeline(options=options)
    with claim(out, Request(source=source, config=MixConfig()), overwrite=False):
        build_pipeline(pipeline, out)
        return pipeline.run().job


def steps(pipeline: messages.Pipeline) -> set[str]:
    return {transform.unique_name for transform in pipeline.components.transforms.values()}


def images(pipeline: messages.Pipeline) -> list[str]:
    payloads = [environment.payload for environment in pipeline.components.environments.values()]
    return [messages.DockerPayload.FromString(payload).container_image for payload in payloads]


def test_the_runner_translates_the_pipeline(source: Source, tmp_path: Path) -> None:
    job = translated(source, tmp_path / "out")
    assert set(STEPS) <= steps(job.proto_pipeline)
    assert images(job.proto_pipeline) == [IMAGE]
    assert json.loads(job.json())["type"] == "JOB_TYPE_BATCH"


def test_the_job_stays_under_a_megabyte_for_any_number_of_files(source: Source, tmp_path: Path) -> None:
    """Nothing in it grows with the files: Dataflow takes no job above 10 MB."""
    sizes = []
    for num_files in (1, 100_000):
        names = [f"shapes-train.tfrecord-{position:06d}-of-{num_files:06d}" for position in range(num_files)]
        files = [
            SourceFile(position=position, name=name, path=f"/data/shapes/1.0.0/{name}")
            for position, name in enumerate(names)
        ]
        job = translated(replace(source, files=tuple(files)), tmp_path / f"of-{num_files}")
        sizes.append(job.proto_pipeline.ByteSize())
    assert sizes[1] < 1_000_000
    assert sizes[1] - sizes[0] < 1_000


@needs_storage
@pytest.mark.parametrize("pairing", ["any", "cross-class"])
def test_what_is_submitted_runs_to_the_bytes_of_the_local_engine(
    folder: Path, tmp_path: Path, bucket: storage.Client, service: Dataflow, pairing: str
) -> None:
    """From a bucket into a bucket, with the key of an account."""
    upload(folder, bucket)
    mixing = ("--pairing", pairing, "--copies", "2", "--num-shards", "3")
    beam = (*GIVEN, f"--dataflow_endpoint={service.address}", "--max_num_workers=7")
    places = ("--src", "gs://bucket/shapes/1.0.0", "--out", f"gs://bucket/{pairing}")
    key = {"GOOGLE_APPLICATION_CREDENTIALS": str(account_key(service, tmp_path / "key.json"))}
    said = succeed("mixup-augment", *places, *mixing, "--engine", "dataflow", "--", *beam, env=key)
    succeed("mixup-augment", "--src", folder, "--out", tmp_path / "local", *mixing)

    assert "Mixed 300 examples x 2" in said
    blobs = list(bucket.list_blobs("bucket", prefix=f"{pairing}/"))
    made = {blob.name.partition("/")[2]: blob.download_as_bytes() for blob in blobs}
    local = {path.name: path.read_bytes() for path in (tmp_path / "local").iterdir()}
    for files in (made, local):
        files["manifest.json"] = without_origin(files["manifest.json"])  # that one was read from a bucket
    assert made == local
    assert len(shard_hashes(tmp_path / "local")) == 6
    _check_request(service, bucket_path="gs://bucket/temp/")


def upload(folder: Path, bucket: storage.Client) -> None:
    for path in folder.iterdir():
        bucket.bucket("bucket").blob(f"shapes/1.0.0/{path.name}").upload_from_filename(path)


def _check_request(service: Dataflow, bucket_path: str) -> None:
    """What the real service would have got: image, options, and the pipeline in the bucket."""
    assert service.paths[0] == "/v1b3/projects/some-project/locations/europe-west4/jobs"
    (job,) = service.jobs
    (pool,) = job["environment"]["workerPools"]
    options = job["environment"]["sdkPipelineOptions"]["options"]
    assert {image["containerImage"] for image in pool["sdkHarnessContainerImages"]} == {IMAGE}
    assert pool["workerHarnessContainerImage"] == IMAGE
    assert pool["autoscalingSettings"]["maxNumWorkers"] == 7
    assert pool["numThreadsPerWorker"] == 2
    assert {name: options[name] for name in ("project", "region", "sdk_container_image")}.items() <= NEEDED.items()
    assert options["temp_location"].startswith(bucket_path)
    assert options["pipelineUrl"].startswith(bucket_path)
    staged = service.staged(job)
    assert options["pipelineProtoHash"] == hashlib.sha256(staged).hexdigest()
    assert set(STEPS) <= steps(messages.Pipeline.FromString(staged))
    assert images(messages.Pipeline.FromString(staged)) == [IMAGE]


@needs_storage
def test_a_launch_of_the_template_ends_once_the_job_is_described(
    folder: Path, service: Dataflow, bucket: storage.Client
) -> None:
    """The launcher names a place, and submits what it finds there itself."""
    upload(folder, bucket)
    parameters = {"src": "gs://bucket/shapes/1.0.0", "out": "gs://bucket/launched", "within_class": "true", **NEEDED}
    added = {"runner": "DataflowRunner", "job_name": "mix", "staging_location": "gs://bucket/staging"}
    place = {"dataflow_endpoint": service.address, "template_location": "gs://bucket/launches/job_object"}
    flags = [f"--{name}={value}" for name, value in {**parameters, **added, **place}.items()]
    program = Path(__file__).parents[2] / "pipelines/dataflow/main.py"
    done = subprocess.run([sys.executable, program, *flags, "--no_auth"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert service.jobs == []
    job = json.loads(bucket.bucket("bucket").blob("launches/job_object").download_as_bytes())
    assert job["name"] == "mix"
    assert images(messages.Pipeline.FromString(service.staged(job))) == [IMAGE]


@needs_storage
def test_places_on_this_machine_are_refused(folder: Path, tmp_path: Path, bucket: storage.Client) -> None:
    upload(folder, bucket)
    stored = ("--src", "gs://bucket/shapes/1.0.0")
    for places, words in (
        (("--src", folder, "--out", "gs://bucket/refused"), "is on this machine, where Dataflow cannot read"),
        ((*stored, "--out", tmp_path / "out"), "is on this machine, where Dataflow cannot write"),
    ):
        done = run("mixup-augment", *places, "--engine", "dataflow", "--", *GIVEN, "--no_auth")
        assert done.returncode == 2
        assert words in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("missing", NEEDED)
def test_what_is_missing_is_said_in_one_line(missing: str) -> None:
    given = [f"--{name}={value}" for name, value in NEEDED.items() if name != missing]
    with pytest.raises(UsageError, match=f"^Beam options after '--': engine dataflow needs --{missing}=") as raised:
        pipeline_options("dataflow", given)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("--temp_location=folder", "Invalid GCS path (folder)"),
        ("--staging_location=folder", "Invalid GCS path (folder)"),
        ("--temp_location=gs://bucket", "Did you mean: 'gs://bucket/"),
        ("--project=My Project", "Invalid Project ID (My Project)"),
        ("--project=12345", "not project number"),
        ("--job_name=Mix", "Invalid job_name (Mix)"),
    ],
)
def test_what_dataflow_would_refuse_is_refused_at_once(wrong: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        pipeline_options("dataflow", [*GIVEN, DRY, wrong])
    assert said in str(raised.value)


def test_a_class_path_of_the_runner_is_checked_too() -> None:
    runner = "--runner=apache_beam.runners.dataflow.dataflow_runner.DataflowRunner"
    with pytest.raises(UsageError, match="engine dataflow needs --project"):
        pipeline_options("local", [runner])


def test_missing_libraries_of_google_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apache_beam.runners.dataflow.internal.apiclient", None)
    with pytest.raises(UsageError, match=r"pip install 'mixup-pipeline\[dataflow\]'$"):
        pipeline_options("dataflow", GIVEN)


def _no_account(folder: Path, patch: pytest.MonkeyPatch) -> None:
    pass


def _no_such_key(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(folder / "key.json"))


def _expired_login(folder: Path, patch: pytest.MonkeyPatch) -> None:
    key = {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "t"}
    (folder / "key.json").write_text(json.dumps({**key, "token_uri": "http://localhost:9/token"}))
    patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(folder / "key.json"))


@pytest.mark.parametrize("prepare", [_no_account, _no_such_key, _expired_login])
def test_credentials_that_do_not_work_are_one_line_within_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepare: Callable[[Path, pytest.MonkeyPatch], None]
) -> None:
    for name in ("GCE_METADATA_IP", "GCE_METADATA_HOST"):
        monkeypatch.setenv(name, "localhost:9")  # nobody listens there
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "nothing"))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    prepare(tmp_path, monkeypatch)
    done = run("mixup-augment", "--src", "mnist_sample", "--out", tmp_path / "out", "--engine=dataflow", "--", *GIVEN)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: --engine dataflow: no working Google credentials (")
    assert "gcloud auth application-default login" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@needs_storage
@pytest.mark.parametrize("folder", ["temp_location", "staging_location"])
def test_a_bucket_that_is_not_there_is_one_line(service: Dataflow, folder: str) -> None:
    endpoint = f"--dataflow_endpoint={service.address}"
    with pytest.raises(EngineError, match=rf"^--{folder}: bucket nowhere cannot be used \(404 .*\): check") as raised:
        pipeline_options("dataflow", [*GIVEN, "--no_auth", endpoint, f"--{folder}=gs://nowhere/temp"])
    assert "\n" not in str(raised.value)


def test_a_store_that_cannot_be_reached_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://localhost:9")  # nobody listens there
    with pytest.raises(EngineError, match=r"^--engine dataflow: Google Cloud Storage cannot be reached \(") as raised:
        pipeline_options("dataflow", [*GIVEN, "--no_auth"])
    assert "\n" not in str(raised.value)


def test_the_preset_leaves_the_last_word_to_the_user() -> None:
    options = pipeline_options("dataflow", [*GIVEN, DRY, "--number_of_worker_harness_threads=5"])
    assert options.get_all_options()["number_of_worker_harness_threads"] == 5


def test_the_launches_of_the_page_are_accepted() -> None:
    """Both, with the page's own variables: options of the command, those of Beam, and parameters of the template."""
    page = (Path(__file__).parents[2] / "docs/dataflow.md").read_text().replace("\\\n", " ")
    values = dict(
        pair.split("=", 1) for line in re.findall(r"^export (.*)$", page, re.MULTILINE) for pair in line.split()
    )
    (line,) = re.findall(r"^mixup-augment (.*)$", page, re.MULTILINE)
    options = augment.main.make_context("mixup-augment", shlex.split(_filled(line, values))).params
    made = pipeline_options(options["engine"], [*options["beam_args"], DRY]).get_all_options()
    assert made["sdk_container_image"] == "europe-west4-docker.pkg.dev/my-project/mixup/mixup-pipeline:1"

    (line,) = re.findall(r" --parameters=(.*)$", page, re.MULTILINE)
    given = [f"--{pair}" for pair in _filled(line, values).split(",")]
    options = augment.main.make_context("mixup-augment", command(given)).params
    assert options["within_class"] is True
    assert options["beam_args"] == (f"--sdk_container_image={made['sdk_container_image']}",)


def _filled(text: str, values: dict[str, str]) -> str:
    """With the variables of a shell in their places, as often as they name each other."""
    for _ in range(3):
        text = re.sub(r"\$([A-Z]+)", lambda match: values[match[1]], text)
    return text

"""The commands on object stores: the same bytes as on a disk, whole or absent, resumable, one run at a time."""

import gzip
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from mixup_pipeline.dataset.manifest import MANIFEST_NAME
from mixup_pipeline.storage.atomic import sizes
from mixup_pipeline.storage.places import ObjectPath
from tests.commands import command, run, succeed
from tests.datasets import Dataset, write_tfds
from tests.real_stores.conftest import Server
from tests.real_stores.test_stores import Failing
from tests.reference import shard_hashes

OPTIONS = ("--copies", "2", "--num-shards", "3", "--quiet")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("data") / "shapes/1.0.0"
    return write_tfds(folder, num_examples=300, num_files=3)


def upload(local: Path, folder: ObjectPath) -> ObjectPath:
    for path in local.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def fetched(folder: ObjectPath, into: Path) -> dict[str, str]:
    """The hashes of the shards of a dataset in a store."""
    into.mkdir()
    for path in folder.iterdir():
        (into / path.name).write_bytes(path.read_bytes())
    return shard_hashes(into)


@pytest.mark.parametrize("pairing", ["any", "within-class", "cross-class"])
def test_a_tfds_folder_gives_the_same_bytes(
    folder: ObjectPath, server: Server, made: Dataset, tmp_path: Path, pairing: str
) -> None:
    src, out = upload(made.folder, folder / "shapes/1.0.0"), folder / "out"
    options = (*OPTIONS, "--pairing", pairing)
    succeed("mixup-augment", "--src", str(src), "--out", str(out), *options, env=server.env)
    succeed("mixup-augment", "--src", made.folder, "--out", tmp_path / "local", *options)
    assert fetched(out, tmp_path / "fetched") == shard_hashes(tmp_path / "local")
    assert (out / MANIFEST_NAME).read_bytes() == (tmp_path / "local" / MANIFEST_NAME).read_bytes()
    assert not (out / ".work").exists()
    verified = run("mixup-verify", str(out), "--against", str(src), env=server.env)
    checked = verified.stdout
    assert (verified.returncode, verified.stderr) == (0, "")
    assert f"{out} is complete and bit-exact: 600 records in 6 shards" in checked
    assert "300 examples" in succeed("mixup-inspect", str(out), env=server.env)


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
def test_a_pattern_gives_the_same_bytes(
    folder: ObjectPath, server: Server, made: Dataset, tmp_path: Path, compressed: bool
) -> None:
    local = tmp_path / "files"
    local.mkdir()
    for path in made.folder.glob("*.tfrecord*"):
        content = path.read_bytes()
        (local / path.name).write_bytes(gzip.compress(content, mtime=0) if compressed else content)
    schema = made.folder / "features.json"
    upload(local, folder / "files")
    (folder / "features.json").write_bytes(schema.read_bytes())
    pattern, stored = f"{folder}/files/*.tfrecord*", ("--schema", f"{folder}/features.json")
    succeed("mixup-augment", "--src", pattern, *stored, "--out", f"{folder}/out", *OPTIONS, env=server.env)
    local_pattern = f"{local}/*.tfrecord*"
    succeed("mixup-augment", "--src", local_pattern, "--schema", schema, "--out", tmp_path / "local", *OPTIONS)
    assert fetched(folder / "out", tmp_path / "fetched") == shard_hashes(tmp_path / "local")


def test_from_a_store_to_a_disk_and_back(folder: ObjectPath, server: Server, made: Dataset, tmp_path: Path) -> None:
    data_dir = folder / "data"
    upload(made.folder, data_dir / "shapes/1.0.0")
    named = ("--src", "shapes", "--data-dir", str(data_dir))
    succeed("mixup-augment", *named, "--out", tmp_path / "here", *OPTIONS, env=server.env)
    succeed("mixup-augment", "--src", made.folder, "--out", str(folder / "there"), *OPTIONS, env=server.env)
    assert fetched(folder / "there", tmp_path / "fetched") == shard_hashes(tmp_path / "here")
    assert "300" in succeed("mixup-augment", *named, "--dry-run", env=server.env)


def test_short_failures_change_nothing(folder: ObjectPath, server: Server, made: Dataset, tmp_path: Path) -> None:
    src = upload(made.folder, folder / "shapes/1.0.0")
    counted: dict[tuple[str, str], int] = {}

    def first_of_every_kind_fails(method: str, path: str) -> int | None:
        """Each address fails when it is asked for first."""
        key = (method, path.partition("?")[0])
        counted[key] = counted.get(key, 0) + 1
        return 503 if counted[key] == 1 and method in ("GET", "PUT") else None

    with server.proxy.failing(first_of_every_kind_fails):
        succeed("mixup-augment", "--src", str(src), "--out", str(folder / "out"), *OPTIONS, env=server.env)
    assert len(counted) > 10
    succeed("mixup-augment", "--src", made.folder, "--out", tmp_path / "local", *OPTIONS)
    assert fetched(folder / "out", tmp_path / "fetched") == shard_hashes(tmp_path / "local")


def test_a_killed_run_is_resumed(folder: ObjectPath, server: Server, made: Dataset, tmp_path: Path) -> None:
    src, out = upload(made.folder, folder / "shapes/1.0.0"), folder / "out"
    augmenting = command("mixup-augment", "--src", str(src), "--out", str(out), *OPTIONS)
    server.proxy.seconds = 0.05
    try:
        with subprocess.Popen(augmenting, env={**os.environ, **server.env}) as process:
            deadline = time.monotonic() + 60
            while not any(out.glob("*.tfrecord-*")) and time.monotonic() < deadline:
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
    finally:
        server.proxy.seconds = 0.0
    whole = {path.name: path.read_bytes() for path in out.glob("*.tfrecord-*")}
    assert 0 < len(whole) < 6
    assert not (out / MANIFEST_NAME).exists()
    again = run("mixup-augment", "--src", str(src), "--out", str(out), *OPTIONS[:-1], env=server.env)
    assert again.returncode == 0, again.stderr
    assert "watching it for 20 seconds" in again.stderr
    kept = [line for line in again.stdout.splitlines() if "kept from an earlier run" in line]
    assert kept, again.stdout
    succeed("mixup-augment", "--src", made.folder, "--out", tmp_path / "local", *OPTIONS)
    assert fetched(out, tmp_path / "fetched") == shard_hashes(tmp_path / "local")
    assert all((tmp_path / "local" / name).read_bytes() == content for name, content in whole.items())


def test_a_second_run_is_refused(folder: ObjectPath, server: Server, made: Dataset) -> None:
    out = folder / "out"
    augmenting = command("mixup-augment", "--src", made.folder, "--out", str(out), *OPTIONS)
    server.proxy.seconds = 0.6
    try:
        with subprocess.Popen(augmenting, env={**os.environ, **server.env}) as first:
            deadline = time.monotonic() + 60
            while not (out / ".work/lock").is_file() and time.monotonic() < deadline:
                time.sleep(0.1)
            second = run("mixup-augment", "--src", made.folder, "--out", str(out), *OPTIONS, env=server.env)
        assert first.returncode == 0
    finally:
        server.proxy.seconds = 0.0
    assert second.returncode == 1
    assert f"out {out}: another mixup-augment is writing here" in second.stderr
    assert len(sizes(out)) == 9


def test_another_run_is_refused_and_replaced_if_asked(folder: ObjectPath, server: Server, made: Dataset) -> None:
    out = folder / "out"
    base = ("mixup-augment", "--src", made.folder, "--out", str(out), *OPTIONS)
    succeed(*base, env=server.env)
    refused = run(*base, "--seed", "1", env=server.env)
    assert refused.returncode == 1
    assert "use --overwrite to replace it" in refused.stderr
    succeed(*base, "--seed", "1", "--overwrite", env=server.env)
    assert json.loads((out / MANIFEST_NAME).read_bytes())["config"]["seed"] == 1
    assert not (out / ".work").exists()
    (out / "foreign.txt").write_bytes(b"mine")
    kept = run(*base, "--overwrite", env=server.env)
    assert kept.returncode == 1
    assert "foreign.txt is not from mixup-augment" in kept.stderr
    assert (out / "foreign.txt").read_bytes() == b"mine"


def test_damage_in_a_store_is_found(folder: ObjectPath, server: Server, made: Dataset) -> None:
    out = folder / "out"
    succeed("mixup-augment", "--src", made.folder, "--out", str(out), *OPTIONS, env=server.env)
    shard = next(iter(out.glob("*.tfrecord-00001-*")))
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.write_bytes(bytes(content))
    found = run("mixup-verify", str(out), env=server.env)
    assert found.returncode == 1
    assert f"Fault: {shard.name}: record 0 " in found.stderr


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "unexpected" not in lines[0]
    return lines[0]


def test_what_users_get_wrong(folder: ObjectPath, server: Server, made: Dataset) -> None:
    scheme = server.scheme
    for args, words in (
        (("--src", made.folder, "--out", f"{scheme}://no-such-bucket/out"), "no bucket no-such-bucket"),
        (("--src", f"{scheme}://no-such-bucket/data", "--out", f"{folder}/out"), "no bucket no-such-bucket"),
        (("--src", f"{folder}/nothing/*.tfrecord", "--out", f"{folder}/out"), "no file matches this pattern"),
        (("--src", f"{folder}/nothing", "--out", f"{folder}/out"), "no such file or folder"),
        (("--src", made.folder, "--out", f"{scheme}://"), "names no bucket"),
    ):
        done = run("mixup-augment", *args, env=server.env)
        assert done.returncode in (1, 2)
        assert words in one_line(done)


def test_access_that_is_denied(folder: ObjectPath, server: Server, made: Dataset) -> None:
    with server.proxy.failing(Failing(403, -1)):
        done = run("mixup-augment", "--src", made.folder, "--out", str(folder / "out"), env=server.env)
    assert done.returncode == 1
    assert f"{folder}/out" in one_line(done)
    assert "access denied" in one_line(done)


@pytest.mark.parametrize("server", ["s3"], indirect=True)  # the client of GCS tries for a minute
def test_a_store_that_cannot_be_reached(folder: ObjectPath, server: Server, made: Dataset) -> None:
    env = {**server.env, "AWS_ENDPOINT_URL": "http://localhost:1", "AWS_MAX_ATTEMPTS": "1"}
    done = run("mixup-augment", "--src", made.folder, "--out", str(folder / "out"), env=env)
    assert done.returncode == 1
    assert "cannot be reached" in one_line(done)


@pytest.mark.parametrize(
    "server", ["s3"], indirect=True
)  # without credentials GCS gives what is public, and denies the rest
def test_no_credentials(made: Dataset, server: Server) -> None:
    env = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}
    done = run("mixup-augment", "--src", made.folder, "--out", "s3://bucket/out", env=env)
    assert done.returncode == 1
    assert "there are no credentials: give AWS_ACCESS_KEY_ID" in one_line(done)


@pytest.mark.parametrize("server", ["s3"], indirect=True)  # Google's are found by the environment
@pytest.mark.parametrize("mode", ["in_memory", "multi_processing"])
def test_addresses_and_keys_as_options_of_beam(
    folder: ObjectPath, server: Server, made: Dataset, tmp_path: Path, mode: str
) -> None:
    options = (f"--s3_endpoint_url={server.env['AWS_ENDPOINT_URL']}", "--s3_region_name=us-east-1")
    keys = ("--s3_access_key_id=key", "--s3_secret_access_key=secret")
    local = (f"--direct_running_mode={mode}", "--direct_num_workers=2")
    base = ("mixup-augment", "--src", made.folder, "--out", str(folder / "out"), *OPTIONS)
    nothing = {"AWS_ENDPOINT_URL": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    succeed(*base, "--", *local, *options, *keys, env=nothing)
    succeed("mixup-augment", "--src", made.folder, "--out", tmp_path / "local", *OPTIONS)
    assert fetched(folder / "out", tmp_path / "fetched") == shard_hashes(tmp_path / "local")

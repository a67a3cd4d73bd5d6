"""The commands on object stores: the same bytes as on a disk, whole or absent, resumable, one run at a time."""

import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mixup_pipeline.dataset.manifest import MANIFEST_NAME
from mixup_pipeline.storage.atomic import sizes
from mixup_pipeline.storage.places import ObjectPath
from tests import commands
from tests.cli.inprocess import error_of, run_augment, run_inspect, run_verify, succeed
from tests.datasets import Dataset, write_tfds
from tests.real_stores.conftest import Server
from tests.real_stores.test_stores import Failing
from tests.reference import shard_hashes, without_origin

OPTIONS = ("--copies", "2", "--num-shards", "3", "--quiet")
RENEWS_OFTEN = "from mixup_pipeline.storage import locks; locks._RENEW_SECONDS = 0.5"
TAKES_OVER_SOON = "from mixup_pipeline.storage import locks; locks._RENEW_SECONDS, locks._WATCH_SECONDS = 0.25, 1"
TRIES_AGAIN_AT_ONCE = "import time; sleep = time.sleep; time.sleep = lambda seconds: sleep(min(seconds, 0.02))"


def augmenting(server: Server, *args: str | Path, first: str = "") -> dict[str, Any]:
    """mixup-augment as a process of its own that does something `first`: for `subprocess`."""
    script = f"{first}\nfrom mixup_pipeline.cli.augment import program\nprogram()"
    return {"args": [sys.executable, "-c", script, *map(str, args)], "env": {**os.environ, **server.env}}


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


@contextlib.contextmanager
def slowed(server: Server, seconds: float) -> Iterator[None]:
    """Every request takes so long."""
    server.proxy.seconds = seconds
    try:
        yield
    finally:
        server.proxy.seconds = 0.0


def wait_for(path: ObjectPath, pattern: str) -> None:
    deadline = time.monotonic() + 60
    while not any(path.glob(pattern)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def local(made: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run on a disk."""
    out = tmp_path_factory.mktemp("local") / "out"
    succeed(run_augment("--src", made.folder, "--out", out, *OPTIONS))
    return out


def test_the_commands_as_processes_of_their_own(
    folder: ObjectPath, server: Server, made: Dataset, local: Path, tmp_path: Path
) -> None:
    src, out = upload(made.folder, folder / "shapes/1.0.0"), folder / "out"
    commands.succeed("mixup-augment", "--src", str(src), "--out", str(out), *OPTIONS, env=server.env)
    assert fetched(out, tmp_path / "fetched") == shard_hashes(local)
    verified = commands.run("mixup-verify", str(out), "--against", str(src), env=server.env)
    assert (verified.returncode, verified.stderr) == (0, "")
    assert f"{out} is complete and bit-exact: 600 records in 6 shards" in verified.stdout
    assert "300 examples" in commands.succeed("mixup-inspect", str(out), env=server.env)


def test_a_tfds_folder_gives_the_same_bytes(folder: ObjectPath, made: Dataset, tmp_path: Path) -> None:
    """Of the pairings, cross-class keeps most in the work folder."""
    src, out = upload(made.folder, folder / "shapes/1.0.0"), folder / "out"
    options = (*OPTIONS, "--pairing", "cross-class")
    succeed(run_augment("--src", str(src), "--out", str(out), *options))
    succeed(run_augment("--src", made.folder, "--out", tmp_path / "local", *options))
    assert fetched(out, tmp_path / "fetched") == shard_hashes(tmp_path / "local")
    here, there = (tmp_path / "local" / MANIFEST_NAME).read_bytes(), (out / MANIFEST_NAME).read_bytes()
    assert without_origin(there) == without_origin(here)
    assert not (out / ".work").exists()
    assert f"{out} is complete and bit-exact" in succeed(run_verify(str(out), "--against", str(src)))
    assert "300 examples" in succeed(run_inspect(str(out)))


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
def test_a_pattern_gives_the_same_bytes(folder: ObjectPath, made: Dataset, tmp_path: Path, compressed: bool) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for path in made.folder.glob("*.tfrecord*"):
        content = path.read_bytes()
        (files / path.name).write_bytes(gzip.compress(content, mtime=0) if compressed else content)
    schema = made.folder / "features.json"
    upload(files, folder / "files")
    (folder / "features.json").write_bytes(schema.read_bytes())
    pattern, stored = f"{folder}/files/*.tfrecord*", ("--schema", f"{folder}/features.json")
    succeed(run_augment("--src", pattern, *stored, "--out", f"{folder}/out", *OPTIONS))
    succeed(run_augment("--src", f"{files}/*.tfrecord*", "--schema", schema, "--out", tmp_path / "local", *OPTIONS))
    assert fetched(folder / "out", tmp_path / "fetched") == shard_hashes(tmp_path / "local")


def test_from_a_store_to_a_disk_and_back(folder: ObjectPath, made: Dataset, tmp_path: Path) -> None:
    data_dir = folder / "data"
    upload(made.folder, data_dir / "shapes/1.0.0")
    named = ("--src", "shapes", "--data-dir", str(data_dir))
    succeed(run_augment(*named, "--out", tmp_path / "here", *OPTIONS))
    succeed(run_augment("--src", made.folder, "--out", str(folder / "there"), *OPTIONS))
    assert fetched(folder / "there", tmp_path / "fetched") == shard_hashes(tmp_path / "here")
    assert "300" in succeed(run_augment(*named, "--dry-run"))


def test_short_failures_change_nothing(
    folder: ObjectPath, server: Server, made: Dataset, local: Path, tmp_path: Path
) -> None:
    src = upload(made.folder, folder / "shapes/1.0.0")
    counted: dict[tuple[str, str], int] = {}

    def first_of_every_kind_fails(method: str, path: str) -> int | None:
        """Each address fails when it is asked for first."""
        key = (method, path.partition("?")[0])
        counted[key] = counted.get(key, 0) + 1
        return 503 if counted[key] == 1 and method in ("GET", "PUT") else None

    asked = ("--src", str(src), "--out", str(folder / "out"), *OPTIONS)
    with server.proxy.failing(first_of_every_kind_fails):
        subprocess.run(**augmenting(server, *asked, first=TRIES_AGAIN_AT_ONCE), check=True, timeout=240)
    assert len(counted) > 10
    assert fetched(folder / "out", tmp_path / "fetched") == shard_hashes(local)


def test_a_killed_run_is_resumed(
    folder: ObjectPath, server: Server, made: Dataset, local: Path, tmp_path: Path
) -> None:
    src, out = upload(made.folder, folder / "shapes/1.0.0"), folder / "out"
    asked = ("--src", str(src), "--out", str(out), *OPTIONS[:-1])
    with slowed(server, 0.05), subprocess.Popen(**augmenting(server, *asked)) as process:
        wait_for(out, "*.tfrecord-*")
        process.send_signal(signal.SIGKILL)
    whole = {path.name: path.read_bytes() for path in out.glob("*.tfrecord-*")}
    assert 0 < len(whole) < 6
    assert not (out / MANIFEST_NAME).exists()
    assert (out / ".work/lock").is_file()
    again = subprocess.run(
        **augmenting(server, *asked, first=TAKES_OVER_SOON), capture_output=True, text=True, check=False, timeout=240
    )
    assert again.returncode == 0, again.stderr
    assert "watching it for 1 seconds" in again.stderr
    assert "kept from an earlier run" in again.stdout
    assert fetched(out, tmp_path / "fetched") == shard_hashes(local)
    assert all((local / name).read_bytes() == content for name, content in whole.items())


def test_a_second_run_is_refused(folder: ObjectPath, server: Server, made: Dataset) -> None:
    out = folder / "out"
    both = augmenting(server, "--src", made.folder, "--out", str(out), *OPTIONS, first=RENEWS_OFTEN)
    with subprocess.Popen(**both) as first, slowed(server, 0.3):
        wait_for(out / ".work", "lock")
        second = subprocess.run(**both, stderr=subprocess.PIPE, text=True, check=False, timeout=240)
        assert first.poll() is None
    assert first.returncode == 0
    assert second.returncode == 1
    assert f"out {out}: another mixup-augment is writing here" in second.stderr
    assert len(sizes(out)) == 9


def test_another_run_is_refused_and_replaced_if_asked(folder: ObjectPath, made: Dataset) -> None:
    out = folder / "out"
    asked = ("--src", made.folder, "--out", str(out), *OPTIONS)
    succeed(run_augment(*asked))
    assert "use --overwrite to replace it" in error_of(run_augment(*asked, "--seed", "1"), 1)
    succeed(run_augment(*asked, "--seed", "1", "--overwrite"))
    assert json.loads((out / MANIFEST_NAME).read_bytes())["config"]["seed"] == 1
    assert not (out / ".work").exists()
    (out / "foreign.txt").write_bytes(b"mine")
    assert "foreign.txt is not from mixup-augment" in error_of(run_augment(*asked, "--overwrite"), 1)
    assert (out / "foreign.txt").read_bytes() == b"mine"


def test_damage_in_a_store_is_found(folder: ObjectPath, made: Dataset) -> None:
    out = folder / "out"
    succeed(run_augment("--src", made.folder, "--out", str(out), *OPTIONS))
    shard = next(iter(out.glob("*.tfrecord-00001-*")))
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.write_bytes(bytes(content))
    found = run_verify(str(out))
    assert found.exit_code == 1
    assert f"Fault: {shard.name}: record 0 " in found.stderr


def test_what_users_get_wrong(folder: ObjectPath, server: Server, made: Dataset) -> None:
    scheme = server.scheme
    for args, code, words in (
        (("--src", made.folder, "--out", f"{scheme}://no-such-bucket/out"), 1, "no bucket no-such-bucket"),
        (("--src", f"{scheme}://no-such-bucket/data", "--out", f"{folder}/out"), 1, "no bucket no-such-bucket"),
        (("--src", f"{folder}/nothing/*.tfrecord", "--out", f"{folder}/out"), 2, "no file matches this pattern"),
        (("--src", f"{folder}/nothing", "--out", f"{folder}/out"), 2, "no such file or folder"),
        (("--src", made.folder, "--out", f"{scheme}://"), 2, "names no bucket"),
    ):
        assert words in error_of(run_augment(*args), code)


def test_access_that_is_denied(folder: ObjectPath, server: Server, made: Dataset) -> None:
    with server.proxy.failing(Failing(403, -1)):
        said = error_of(run_augment("--src", made.folder, "--out", str(folder / "out")), 1)
    assert f"{folder}/out" in said
    assert "access denied" in said


@pytest.mark.parametrize("server", ["s3"], indirect=True)  # the client of GCS tries for a minute
def test_a_store_that_cannot_be_reached(folder: ObjectPath, made: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    said = error_of(run_augment("--src", made.folder, "--out", str(folder / "out")), 1)
    assert "cannot be reached" in said


@pytest.mark.parametrize(
    "server", ["s3"], indirect=True
)  # without credentials GCS gives what is public, and denies the rest
def test_no_credentials(made: Dataset, server: Server) -> None:
    env = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}
    done = commands.run("mixup-augment", "--src", made.folder, "--out", "s3://bucket/out", env=env)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert "there are no credentials: give AWS_ACCESS_KEY_ID" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("server", ["s3"], indirect=True)  # Google's are found by the environment
@pytest.mark.parametrize("mode", ["in_memory", "multi_processing"])
def test_addresses_and_keys_as_options_of_beam(
    folder: ObjectPath, server: Server, made: Dataset, local: Path, tmp_path: Path, mode: str
) -> None:
    options = (f"--s3_endpoint_url={server.env['AWS_ENDPOINT_URL']}", "--s3_region_name=us-east-1")
    keys = ("--s3_access_key_id=key", "--s3_secret_access_key=secret")
    running = (f"--direct_running_mode={mode}", "--direct_num_workers=2")
    base = ("mixup-augment", "--src", made.folder, "--out", str(folder / "out"), *OPTIONS)
    nothing = {"AWS_ENDPOINT_URL": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    commands.succeed(*base, "--", *running, *options, *keys, env=nothing)
    assert fetched(folder / "out", tmp_path / "fetched") == shard_hashes(local)

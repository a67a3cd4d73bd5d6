"""The stores' small interface, and what it does when the network or the store fails."""

import time
from pathlib import Path
from typing import Any

import pytest
from apache_beam.io.filesystems import FileSystems

from mixup_pipeline.errors import StoreError, UsageError
from mixup_pipeline.storage.clients import close_clients, store, use_store_options
from mixup_pipeline.storage.places import ObjectPath
from mixup_pipeline.storage.stamps import stamp, stamps
from mixup_pipeline.storage.store import ObjectInfo, Store
from tests.real_stores.conftest import Server
from tests.real_stores.servers import BUCKET


def keys(store: Store, prefix: str, *, recursive: bool) -> list[str]:
    return [
        found if isinstance(found, str) else found.key
        for found in store.list_objects(BUCKET, prefix, recursive=recursive)
    ]


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [(0, 10, b"0123456789"), (2, 3, b"234"), (9, 1, b"9"), (8, 5, b"89"), (10, 1, b""), (99, 5, b"")],
)
def test_ranges(folder: ObjectPath, offset: int, length: int, expected: bytes) -> None:
    path = folder / "object"
    path.write_bytes(b"0123456789")
    assert folder.store.read_range(BUCKET, path.key, offset, length) == expected
    assert path.read_bytes() == b"0123456789"


def test_an_empty_object(folder: ObjectPath) -> None:
    path = folder / "empty"
    path.write_bytes(b"")
    assert path.read_bytes() == b""
    assert path.read_range(5, 0) == b""
    assert path.stat().st_size == 0


def test_listing_deep_and_flat(folder: ObjectPath) -> None:
    for name in ("b", "a", "sub/c", "sub/deeper/d", "sub2/e"):
        (folder / name).write_bytes(name.encode())
    prefix = folder.key + "/"
    assert sorted(keys(folder.store, prefix, recursive=True)) == [
        prefix + name for name in ("a", "b", "sub/c", "sub/deeper/d", "sub2/e")
    ]
    assert sorted(keys(folder.store, prefix, recursive=False)) == [
        prefix + name for name in ("a", "b", "sub/", "sub2/")
    ]
    found = next(iter(folder.store.list_objects(BUCKET, prefix + "sub/c", recursive=True)))
    assert isinstance(found, ObjectInfo)
    assert (found.key, found.size) == (prefix + "sub/c", 5)


def test_a_version_changes_when_an_object_is_written_anew(folder: ObjectPath) -> None:
    path = folder / "object"
    assert path.version() is None
    versions = []
    for content in (b"one", b"two"):
        path.write_bytes(content)
        versions.append(path.version())
    assert versions[0] != versions[1]
    assert path.stat().version == versions[1]


def test_writing_over_only_what_was_seen(folder: ObjectPath) -> None:
    path = folder / "object"
    first = path.write_if_match(b"first", None)
    assert first is not None
    assert path.write_if_match(b"second", None) is None
    assert path.read_bytes() == b"first"
    third = path.write_if_match(b"third", first)
    assert third not in (None, first)
    assert path.write_if_match(b"fourth", first) is None
    assert path.read_bytes() == b"third"
    path.unlink()
    assert path.write_if_match(b"fifth", third) is None


def test_deleting_what_is_there_and_what_is_not(folder: ObjectPath) -> None:
    for number in range(5):
        (folder / str(number)).write_bytes(b"x")
    folder.store.delete(BUCKET, [f"{folder.key}/{number}" for number in range(3, 8)])
    assert sorted(path.name for path in folder.iterdir()) == ["0", "1", "2"]
    folder.store.delete(BUCKET, [])
    with pytest.raises(StoreError, match=r"/7: there is no such object"):
        (folder / "7").unlink()


def test_uploading_a_file_larger_than_one_part(folder: ObjectPath, tmp_path: Path) -> None:
    content = bytes(range(256)) * (80 << 10)  # 20 MiB
    (tmp_path / "file").write_bytes(content)
    (folder / "large").upload(tmp_path / "file")
    assert (folder / "large").read_bytes() == content


def test_copying_an_object_of_several_parts(folder: ObjectPath, tmp_path: Path) -> None:
    content = bytes(range(256)) * (40 << 10)  # 10 MiB
    (tmp_path / "large").write_bytes(content)
    (folder / "large").upload(tmp_path / "large")
    (folder / "sub/copy").write_bytes(b"an older one")
    (folder / "large").copy(folder / "sub/copy")
    assert (folder / "sub/copy").read_bytes() == (folder / "large").read_bytes() == content
    with pytest.raises(StoreError, match="no such object"):
        (folder / "missing").copy(folder / "copy")


def test_stamps_come_from_one_listing_and_tell_what_was_rewritten(folder: ObjectPath) -> None:
    paths = [folder / name for name in ("a", "missing", "sub/b")]
    for path in (paths[0], paths[2]):
        path.write_bytes(b"first")
    before = stamps(paths)
    assert before == [stamp(paths[0]), None, stamp(paths[2])]
    paths[2].write_bytes(b"other")
    assert [now == then for now, then in zip(stamps(paths), before, strict=True)] == [True, True, False]


def test_what_is_missing_is_named(folder: ObjectPath, server: Server) -> None:
    with pytest.raises(StoreError, match=rf"^{folder}/a: there is no such object$"):
        (folder / "a").read_bytes()
    with pytest.raises(OSError, match="there is no such object"):
        folder.store.read_range(BUCKET, f"{folder.key}/a", 0, 1)
    elsewhere = ObjectPath(server.scheme, "no-such-bucket", "a")
    for ask in (lambda: list(elsewhere.iterdir()), lambda: elsewhere.write_bytes(b"")):
        with pytest.raises(StoreError, match=r"no bucket no-such-bucket: create it or correct its name"):
            ask()


class Failing:
    """Answers so many requests of a method with a status."""

    def __init__(self, status: int, times: int, method: str = "") -> None:
        self.status, self.times, self.method = status, times, method

    def __call__(self, method: str, path: str) -> int | None:
        if self.times == 0 or self.method not in ("", method):
            return None
        self.times -= 1
        return self.status


@pytest.mark.usefixtures("short_pauses")
@pytest.mark.parametrize("status", [503, 500, 429, 0])
def test_a_short_failure_is_tried_again(folder: ObjectPath, server: Server, tmp_path: Path, status: int) -> None:
    path = folder / "object"
    (tmp_path / "file").write_bytes(b"uploaded")
    actions: list[tuple[Any, Any]] = [
        (lambda: path.write_bytes(b"content"), None),
        (path.read_bytes, b"content"),
        (lambda: [found.name for found in folder.iterdir()], ["object"]),
        (lambda: path.upload(tmp_path / "file"), None),
        (path.read_bytes, b"uploaded"),
    ]
    for action, expected in actions:
        failing = Failing(status, 2)
        with server.proxy.failing(failing):
            assert action() == expected
        assert failing.times == 0, "nothing failed"


def test_a_failure_of_some_seconds_is_waited_for(folder: ObjectPath, server: Server) -> None:
    path, back = folder / "object", time.monotonic() + 4
    with server.proxy.failing(lambda method, where: 503 if time.monotonic() < back else None):
        path.write_bytes(b"content")
    assert time.monotonic() >= back
    assert path.read_bytes() == b"content"


def test_a_lasting_failure_is_one_line_and_leaves_no_object(
    folder: ObjectPath, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mixup_pipeline.storage import gcs

    monkeypatch.setattr(gcs, "_RETRY", gcs._RETRY.with_timeout(2))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    close_clients()
    (tmp_path / "file").write_bytes(bytes(20 << 20))
    with (
        server.proxy.failing(lambda method, path: 503 if method in ("PUT", "POST") else None),
        pytest.raises(StoreError, match=r"object: .*(503|unavailable|cannot be used|cannot be reached).*") as caught,
    ):
        (folder / "object").upload(tmp_path / "file")
    assert len(str(caught.value).splitlines()) == 1
    assert not (folder / "object").exists()


def test_an_upload_that_breaks_in_the_middle_leaves_no_object(
    folder: ObjectPath, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mixup_pipeline.storage import gcs

    monkeypatch.setattr(gcs, "_RETRY", gcs._RETRY.with_timeout(2))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    close_clients()
    (tmp_path / "file").write_bytes(bytes(20 << 20))
    seen = []

    def later_parts_fail(method: str, path: str) -> int | None:
        if method == "PUT":
            seen.append(path)
            return None if len(seen) == 1 and server.scheme == "s3" else 503  # GCS takes it all as one part
        return None

    with server.proxy.failing(later_parts_fail), pytest.raises(StoreError):
        (folder / "object").upload(tmp_path / "file")
    assert seen
    assert not (folder / "object").exists()


@pytest.mark.parametrize("status", [401, 403])
def test_denied_access_says_what_to_do(folder: ObjectPath, server: Server, status: int) -> None:
    advice = {"gs": "gcloud auth application-default login", "s3": "AWS_ACCESS_KEY_ID"}[server.scheme]
    with server.proxy.failing(lambda method, path: status), pytest.raises(StoreError, match=f"denied.*{advice}"):
        list(folder.iterdir())


def test_an_upload_that_is_denied_says_what_to_do(folder: ObjectPath, server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    with server.proxy.failing(lambda method, path: 403), pytest.raises(StoreError, match="object: access denied"):
        (folder / "object").upload(tmp_path / "file")


def test_a_name_that_no_bucket_can_have(server: Server, folder: ObjectPath) -> None:
    with pytest.raises(StoreError, match=r"No! is not a valid bucket name: correct it"):
        ObjectPath(server.scheme, "No!", "a").exists()


@pytest.mark.parametrize("url", ["hdfs://host/a", "ftp://host/a", "http://host/a"])
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match=rf"^{url}: .* use a local folder, gs:// or s3://$"):
        ObjectPath.of(url)
    with pytest.raises(UsageError, match="cannot be read or written"):
        store(url.partition(":")[0])


def test_clients_stay_where_their_options_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FileSystems, "_pipeline_options", None)
    access = {"s3_endpoint_url": "http://localhost:1", "s3_region_name": "us-east-1", "no_auth": True}
    use_store_options(access)
    first = store("s3")
    use_store_options(dict(access))
    assert store("s3") is first
    use_store_options({**access, "s3_region_name": "eu-west-1"})
    assert store("s3") is not first
    close_clients()

"""Listings: their records are the images where they are, in order and at random, and a changed image is noticed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.errors import RecordError, SourceError
from mixup_pipeline.records.framing import masked_crc32c
from mixup_pipeline.records.tf_example import Example, parse
from mixup_pipeline.run import mix_shard
from mixup_pipeline.sources.file_formats import listing, payloads_of
from mixup_pipeline.sources.file_formats.listing import FORMAT, Members, Others, write_listing
from mixup_pipeline.sources.index import ENTRY
from mixup_pipeline.sources.source import SourceFile
from tests.datasets import png, random_images

COUNT = 7
IMAGES = [png(image) for image in random_images(COUNT, (8, 8, 1))]


def name_of(number: int) -> str:
    return ["0.png", "two words.png", "Käfer/1.png", 'a"b\\c.png', "new\nline.png", "x__3.png", "水/deep/er.png"][
        number
    ]


def folder_of(root: Path, texts: str = "cat") -> SourceFile:
    """A folder of images and its listing."""
    for number, image in enumerate(IMAGES):
        path = root / name_of(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image)
    target = root.with_name(f"{root.name}.listing")
    write_listing(target, root, ((name_of(number), {"label": texts, "number": number}) for number in range(COUNT)))
    return SourceFile(position=0, name=root.name, path=str(target), format="listing")


def payload_of(number: int, text: str = "cat") -> bytes:
    """The record, made by protobuf."""
    message = Example()
    message.features.feature["image"].bytes_list.value.append(IMAGES[number])
    message.features.feature["label"].bytes_list.value.append(text.encode())
    message.features.feature["number"].int64_list.value.append(number)
    return bytes(message.SerializeToString(deterministic=True))


def entries_of(numbers: list[tuple[int, int]], payload: Callable[[int], bytes] = payload_of) -> Any:
    """ENTRY[n] of (file, record)."""
    entries = np.zeros(len(numbers), ENTRY)
    for row, (file, record) in enumerate(numbers):
        entries[row]["file"], entries[row]["record"], entries[row]["offset"] = file, record, record
        entries[row]["crc"] = masked_crc32c(payload(record))
    return entries


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)


@given(st.lists(NAMES, max_size=6), NAMES.map(lambda name: f"/{name}"))
def test_names_of_any_characters_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], root: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "names.listing"
    write_listing(path, Path(root), ((name, {"label": name}) for name in names))
    members = Members(path)
    assert (list(members), len(members), members.folder) == (names, len(names), Path(root))
    assert members[1:-1] == names[1:-1]
    assert [members.image(number) for number in range(len(names))] == [(name, {"label": name}) for name in names]
    for number in (-1, len(names)):
        with pytest.raises(IndexError):
            members.image(number)


def test_features_of_all_kinds(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(IMAGES[0])
    numbers: Others = {"one": -3, "many": [4, -5], "floats": [1.5, -2.0], "both": [1, 0.25]}
    others = {"text": "Käfer", "none": "", **numbers}
    write_listing(tmp_path / "a.listing", tmp_path, [("0.png", others)])
    ((_, payload, _, fault),) = FORMAT.records(tmp_path / "a.listing", "a")
    assert fault is None
    found = {key: list(getattr(value, value.WhichOneof("kind")).value) for key, value in parse(payload).items()}
    texts = {"image": [IMAGES[0]], "text": ["Käfer".encode()], "none": [b""]}
    assert found == texts | {"one": [-3], "many": [4, -5], "floats": [1.5, -2], "both": [1, 0.25]}


def test_records_are_the_images_with_their_features(tmp_path: Path) -> None:
    path = Path(folder_of(tmp_path / "cat").path)
    payloads = [payload_of(number) for number in range(COUNT)]
    expected = [(number, payload, masked_crc32c(payload), None) for number, payload in enumerate(payloads)]
    assert list(FORMAT.records(path, "cat")) == expected
    assert [FORMAT.where(path, "cat", number, number) for number in range(COUNT)] == [
        f"cat/{name_of(number)}" for number in range(COUNT)
    ]


@given(st.sets(st.integers(0, COUNT - 1)))
def test_any_of_them_are_picked(picked_from: SourceFile, wanted: set[int]) -> None:
    found = list(FORMAT.pick(Path(picked_from.path), "cat", wanted))
    assert found == [(number, number, payload_of(number), None) for number in sorted(wanted)]


@pytest.fixture(scope="module")
def picked_from(tmp_path_factory: pytest.TempPathFactory) -> SourceFile:
    return folder_of(tmp_path_factory.mktemp("picked") / "cat")


def test_what_is_not_there_cannot_be_picked(picked_from: SourceFile) -> None:
    with pytest.raises(SourceError, match=r"^cat: holds 7 images, there is no image 7: it was changed$"):
        list(FORMAT.pick(Path(picked_from.path), "cat", [COUNT]))


@pytest.mark.parametrize("seed", range(5))
def test_payloads_of_several_folders_come_in_the_order_of_the_entries(tmp_path: Path, seed: int) -> None:
    files = [folder_of(tmp_path / name) for name in ("ant", "bee", "cat")]
    rng = np.random.default_rng(seed)
    numbers = [(file, record) for file in range(3) for record in range(COUNT) if rng.random() < 0.5]
    assert list(payloads_of(files, entries_of(numbers))) == [payload_of(record) for _, record in numbers]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda path: path.write_bytes(IMAGES[0]), "was changed while it was read: run again"),
        (lambda path: path.write_bytes(IMAGES[2][:-1] + b"x"), "was changed while it was read: run again"),
        (lambda path: path.write_bytes(b""), "the file is empty"),
        (lambda path: path.unlink(), r"cannot be read \(no such file or directory\)"),
    ],
    ids=["another", "one byte", "emptied", "removed"],
)
def test_what_changed_since_it_was_indexed_is_named(tmp_path: Path, change: Callable[[Path], Any], said: str) -> None:
    file = folder_of(tmp_path / "cat")
    change(tmp_path / "cat" / name_of(2))
    assert list(payloads_of([file], entries_of([(0, 1)]))) == [payload_of(1)]
    with pytest.raises(RecordError, match=f"^cat/Käfer/1.png: {said}$"):
        list(payloads_of([file], entries_of([(0, 1), (0, 2)])))


def test_another_label_is_a_change_too(tmp_path: Path) -> None:
    """The CRC is that of the record, which the name of the folder is part of."""
    file = folder_of(tmp_path / "dog", texts="dog")
    with pytest.raises(RecordError, match=r"^dog/0\.png: was changed"):
        list(payloads_of([file], entries_of([(0, 0)])))


def test_a_file_is_read_up_to_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_RECORD_BYTES", 1 << 20)
    for number, size in enumerate((1 << 20, (1 << 20) + 1)):
        (tmp_path / f"{number}.png").write_bytes(b"x" * size)
    write_listing(tmp_path / "a.listing", tmp_path, [("0.png", {}), ("1.png", {})])
    fits, large = FORMAT.records(tmp_path / "a.listing", "a")
    assert (len(parse(fits[1])["image"].bytes_list.value[0]), fits[3]) == (1 << 20, None)
    assert large[1:] == (b"", masked_crc32c(b""), "the file holds more than 1 MiB")


@pytest.mark.parametrize("removed", [False, True])
def test_an_image_that_changes_between_index_and_mixing_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removed: bool
) -> None:
    """Both images are of one size in bytes, so that only their content tells them apart."""
    root, real = tmp_path / "photos", mix_shard.ShardMixer.mix_shard
    greys = [png(np.full((8, 8, 1), level, np.uint8)) for level in range(256)]
    other = next(grey for grey in greys[99:] if len(grey) == len(greys[3]))
    for number in range(6):
        path = root / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(greys[number])

    def changed_before(self: Any, task: Any) -> Any:
        path = root / "b" / "3.png"
        path.write_bytes(other)
        if removed:
            path.unlink()
        yield from real(self, task)

    monkeypatch.setattr(mix_shard.ShardMixer, "mix_shard", changed_before)
    said = r"cannot be read \(no such file or directory\)" if removed else "was changed while it was read: run again"
    with pytest.raises(RecordError, match=rf"^b/3\.png: {said}"):
        augment(SourceConfig(src=str(root)), tmp_path / "out", MixConfig(num_shards=1))
    assert not (tmp_path / "out/manifest.json").exists()

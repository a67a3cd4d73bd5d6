"""Determinism: a seed gives the same bytes with any number of workers, in any process, from files in any order."""

import json
import shutil
from pathlib import Path

import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from tests.commands import succeed
from tests.datasets import example, write_records, write_tfds
from tests.reference import shard_hashes

# Made by: mixup-augment --src mnist_sample --limit 500 --copies 2 --num-shards 2 --seed 7 --out golden
# If these change, every output of every seed changes: bump FORMAT_VERSION and say so in CHANGELOG.md.
GOLDEN = {
    "any": "36055230ad3276d6a781aaffedd6faa6d2744de88a6c258dd454a6f7294c06ac",
    "within-class": "5e7dfdbce84ce7db8ff09cd82bada6397ffbd2e4a3ef40beee93149ebae6a874",
    "cross-class": "7a6ab8809d737a3c1513c61ace552860c3508ea4691bc2275ee973e8aa161000",
}


@pytest.mark.parametrize("pairing", GOLDEN)
def test_golden(tmp_path: Path, pairing: str) -> None:
    augment("mnist_sample", tmp_path, MixConfig(limit=500, copies=2, num_shards=2, seed=7, pairing=pairing))
    assert shard_hashes(tmp_path)["mnist_sample_mixup-train.tfrecord-00002-of-00004"] == GOLDEN[pairing]


# Made by the test itself, from photographs of all kinds: OpenCV and Pillow decode, shrink and encode them.
PHOTOS = {
    "raw": "92f61f21f88ad413791e8d15c650d0dfedc4de69e5255374453aa22cef2e1f63",
    "jpeg": "0bcce2cc1f304b20540af6dfc191ea71de2e767266692d9ad74d0b0dd13a5588",
    "webp": "4f70a95f251c6afe23bedc8064aae1f997cf37b30ecbac55603f4ae5c7ecb707",
}


@pytest.mark.parametrize("image_format", PHOTOS)
def test_golden_of_photographs(tmp_path: Path, image_format: str) -> None:
    files = sorted((Path(__file__).parent / "data/images/good").iterdir())
    records = [example({"image": file.read_bytes(), "label": number % 3}) for number, file in enumerate(files)]
    path = write_records(tmp_path / "photos.tfrecord", records)
    source = SourceConfig(src=str(path), num_classes=3, image_size="24x20")
    augment(source, tmp_path / "out", MixConfig(seed=7, image_format=image_format))
    assert list(shard_hashes(tmp_path / "out").values()) == [PHOTOS[image_format]]


@pytest.mark.slow
def test_same_bytes_on_one_worker_and_on_four_in_threads_and_processes(tmp_path: Path) -> None:
    data = write_tfds(tmp_path / "data/shapes/1.0.0", num_examples=300, num_files=5)
    wanted = None
    for mode, workers in (("in_memory", 1), ("multi_threading", 4), ("multi_processing", 4)):
        out = tmp_path / mode
        beam = (f"--direct_running_mode={mode}", f"--direct_num_workers={workers}")
        succeed("mixup-augment", "--src", data.folder, "--copies", "3", "--num-shards", "4", "--out", out, "--", *beam)
        found = (out / "manifest.json").read_bytes(), shard_hashes(out)
        assert found == (wanted or found)
        wanted = found


@pytest.mark.slow
def test_same_bytes_for_any_hash_seed(tmp_path: Path) -> None:
    manifests = []
    for hash_seed in ("0", "1", "4711"):
        out = tmp_path / hash_seed
        succeed(
            "mixup-augment", "--src", "mnist_sample", "--limit", "50", "--out", out, env={"PYTHONHASHSEED": hash_seed}
        )
        manifests.append((out / "manifest.json").read_bytes())
    assert manifests[0] == manifests[1] == manifests[2]


def test_same_bytes_from_files_in_any_order_and_any_folder(tmp_path: Path) -> None:
    data = write_tfds(tmp_path / "data/shapes/1.0.0", num_examples=60, num_files=4)
    for folder, files in (("first", data.files), ("second", data.files[::-1])):
        for number, file in enumerate(files):  # in other folders, written at other times
            target = tmp_path / folder / f"part-{number}" / file.name
            target.parent.mkdir(parents=True)
            shutil.copy(file, target)
        augment(SourceConfig(src=str(tmp_path / folder / "*/*"), num_classes=4), tmp_path / f"out-{folder}")
    assert shard_hashes(tmp_path / "out-first") == shard_hashes(tmp_path / "out-second")


def test_another_seed_gives_other_bytes(tmp_path: Path) -> None:
    data = write_tfds(tmp_path / "data/shapes/1.0.0")
    for seed in (0, 1):
        augment(str(data.folder), tmp_path / str(seed), MixConfig(seed=seed))
    assert shard_hashes(tmp_path / "0") != shard_hashes(tmp_path / "1")


def test_first_copies_stay_when_more_are_asked_for(tmp_path: Path) -> None:
    data = write_tfds(tmp_path / "data/shapes/1.0.0")
    for copies in (1, 3):
        augment(str(data.folder), tmp_path / str(copies), MixConfig(copies=copies, pairing="cross-class"))
    (one,) = shard_hashes(tmp_path / "1").values()
    assert one in shard_hashes(tmp_path / "3").values()


def test_manifest_names_no_path_but_what_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_tfds(tmp_path / "data/shapes/1.0.0")
    monkeypatch.chdir(tmp_path)
    augment("data/shapes", tmp_path / "out")
    text = (tmp_path / "out/manifest.json").read_text()
    assert str(tmp_path) not in text
    source = json.loads(text)["source"]
    assert source["files"][0]["name"] == data.files[0].name
    assert (source["origin"]["asked"]["src"], source["origin"]["src"]) == ("data/shapes", "data/shapes/1.0.0")

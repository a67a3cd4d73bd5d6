"""TFDS datasets: the directory that a name means, the content of its JSON files, and the errors without one."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.process.children import python_command
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.tfds_directory import _DOWNLOAD, data_dirs, pinned_src, tfds_directory
from mixup_pipeline.storage.places import Place
from tests.damage import edit_json
from tests.datasets import Dataset, image_feature, label_feature, write_features, write_tfds


def prepare(*folders: Path) -> None:
    """Make directories that are taken for prepared datasets."""
    for folder in folders:
        write_features(folder / "features.json", {})


def find(src: str | Path, data_dir: Path | None = None) -> Place:
    return tfds_directory(SourceConfig(src=str(src), data_dir=None if data_dir is None else str(data_dir)))


class FakeDownload:
    """Replaces the process that runs TFDS: it records the commands, and returns a given result."""

    def __init__(self, *, stdout: str = "", stderr: str = "", code: int = 1, makes: Path | None = None) -> None:
        self.commands: list[Sequence[str]] = []
        self._stdout, self._stderr, self._code, self._makes = stdout, stderr, code, makes

    def __call__(self, command: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        if self._makes is not None:
            prepare(self._makes)
        return subprocess.CompletedProcess(command, self._code, self._stdout, self._stderr)


@pytest.fixture(autouse=True)
def download(monkeypatch: pytest.MonkeyPatch) -> FakeDownload:
    """Keep every test from running TFDS."""
    return use(monkeypatch, FakeDownload(stdout="TFDS knows no dataset of this name\n"))


def use(monkeypatch: pytest.MonkeyPatch, fake: FakeDownload) -> FakeDownload:
    monkeypatch.setattr(subprocess, "run", fake)
    return fake


# The directory of a name


@pytest.mark.parametrize(
    ("src", "found"),
    [
        ("shapes", "shapes/10.0.0"),
        ("shapes:9.0.0", "shapes/9.0.0"),
        ("shapes/9.0.0", "shapes/9.0.0"),
        ("shapes/10.0.0", "shapes/10.0.0"),
        ("shapes/1.2.0", "shapes/1.2.0"),
        ("shapes/small", "shapes/small/2.10.0"),
        ("shapes/small/2.9.0", "shapes/small/2.9.0"),
        ("shapes/small:2.9.0", "shapes/small/2.9.0"),
        ("plain_text/en-de.v1", "plain_text/en-de.v1/1.0.0"),
    ],
)
def test_names_versions_and_configs(tmp_path: Path, download: FakeDownload, src: str, found: str) -> None:
    versions = ["shapes/1.2.0", "shapes/9.0.0", "shapes/10.0.0", "shapes/small/2.9.0", "shapes/small/2.10.0"]
    prepare(*(tmp_path / version for version in [*versions, "plain_text/en-de.v1/1.0.0"]))
    assert find(src, tmp_path) == tmp_path / found
    assert not download.commands


def test_what_is_no_finished_version_is_not_a_version(tmp_path: Path) -> None:
    prepare(tmp_path / "shapes/1.0.0", tmp_path / "shapes/2.0.0.incomplete.AB12", tmp_path / "shapes/3.0.0-rc1")
    (tmp_path / "shapes/4.0.0").mkdir()  # no features.json
    (tmp_path / "shapes/5.0.0").write_text("a file")
    assert find("shapes", tmp_path) == tmp_path / "shapes/1.0.0"


@pytest.mark.parametrize("version", ["1.0.0", "9.9.9"])
def test_a_version_that_is_not_there_is_not_replaced_by_another(
    tmp_path: Path, download: FakeDownload, version: str
) -> None:
    prepare(tmp_path / "shapes/2.0.0")
    with pytest.raises(SourceError, match=f"src shapes:{version}: "):
        find(f"shapes:{version}", tmp_path)
    assert len(download.commands) == 1


def test_a_directory_is_the_dataset_or_the_parent_of_its_versions(tmp_path: Path) -> None:
    prepare(tmp_path / "shapes/9.0.0", tmp_path / "shapes/10.0.0", tmp_path / "loose")
    assert find(tmp_path / "shapes/9.0.0") == tmp_path / "shapes/9.0.0"
    assert find(tmp_path / "shapes") == tmp_path / "shapes/10.0.0"
    assert find(tmp_path / "loose") == tmp_path / "loose"


def test_relative_and_home_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(tmp_path / "my/shapes/1.0.0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "my"))
    assert find("my/shapes").absolute() == tmp_path / "my/shapes/1.0.0"
    assert find("./my/shapes/1.0.0").absolute() == tmp_path / "my/shapes/1.0.0"
    assert find("~/shapes") == tmp_path / "my/shapes/1.0.0"


def test_data_dir_goes_before_the_variable_and_the_variable_before_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, variable, home = tmp_path / "given", tmp_path / "variable", tmp_path / "home/tensorflow_datasets"
    prepare(*(root / "shapes/1.0.0" for root in (given, variable, home)))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(variable))
    assert find("shapes", given) == given / "shapes/1.0.0"
    assert find("shapes") == variable / "shapes/1.0.0"
    monkeypatch.delenv("TFDS_DATA_DIR")
    assert find("shapes") == home / "shapes/1.0.0"


def test_only_the_first_data_dir_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(tmp_path / "variable/shapes/1.0.0")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "variable"))
    with pytest.raises(SourceError, match=str(tmp_path / "given/shapes")):
        find("shapes", tmp_path / "given")


def test_the_home_in_a_data_dir_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(tmp_path / "data/shapes/1.0.0")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find("shapes", Path("~/data")) == tmp_path / "data/shapes/1.0.0"


def test_the_bundled_sample_is_found_with_no_data_dir_at_all(tmp_path: Path, download: FakeDownload) -> None:
    source = open_source(SourceConfig(src="mnist_sample", data_dir=str(tmp_path / "nowhere")))
    assert source.name == "mnist_sample"
    assert sum(file.declared_records or 0 for file in source.files) == 6000
    assert source.spec.shape == (28, 28, 1)
    assert source.class_names == tuple("0123456789")
    assert not download.commands


def test_a_prepared_dataset_of_that_name_goes_before_the_bundled_one(tmp_path: Path) -> None:
    prepare(tmp_path / "mnist_sample/0.0.1")
    assert find("mnist_sample", tmp_path) == tmp_path / "mnist_sample/0.0.1"
    assert find("mnist_sample:1.0.0", tmp_path) == data_dirs(SourceConfig(src="x"))[1] / "mnist_sample/1.0.0"


# Configs


def write_default_config(folder: Path, name: Any) -> None:
    (folder / ".config").mkdir(parents=True)
    (folder / ".config/metadata.json").write_text(json.dumps({"default_config_name": name}))


def test_the_default_config_is_the_one_that_the_metadata_name(tmp_path: Path) -> None:
    prepare(tmp_path / "shapes/big/1.0.0", tmp_path / "shapes/small/1.0.0", tmp_path / "shapes/small/2.0.0")
    write_default_config(tmp_path / "shapes", "small")
    assert find("shapes", tmp_path) == tmp_path / "shapes/small/2.0.0"
    assert find("shapes:1.0.0", tmp_path) == tmp_path / "shapes/small/1.0.0"
    assert find("shapes/big", tmp_path) == tmp_path / "shapes/big/1.0.0"
    assert find(tmp_path / "shapes") == tmp_path / "shapes/small/2.0.0"


@pytest.mark.parametrize("name", [None, 7, "..", "a/b"])
def test_a_default_that_is_no_name_of_a_config_is_none(tmp_path: Path, name: Any) -> None:
    prepare(tmp_path / "shapes/big/1.0.0")
    write_default_config(tmp_path / "shapes", name)
    with pytest.raises(UsageError, match=r"holds 1 datasets or configs \(big\): choose one, such as --src .*/big"):
        find(tmp_path / "shapes")


@pytest.mark.parametrize(
    ("src", "found", "pinned"),
    [
        ("shapes", "shapes/small/2.0.0", "shapes/small:2.0.0"),
        ("shapes/big", "shapes/big/1.0.0", "shapes/big:1.0.0"),
        ("shapes/big/1.0.0", "shapes/big/1.0.0", "shapes/big:1.0.0"),
        ("plain:1.0.0", "plain/1.0.0", "plain:1.0.0"),
    ],
)
def test_a_name_is_pinned_to_what_was_found(tmp_path: Path, src: str, found: str, pinned: str) -> None:
    prepare(*(tmp_path / path for path in ("shapes/big/1.0.0", "shapes/small/2.0.0", "plain/1.0.0")))
    write_default_config(tmp_path / "shapes", "small")
    config = SourceConfig(src=src, data_dir=str(tmp_path))
    assert pinned_src(config, tmp_path / found) == pinned
    assert find(pinned, tmp_path) == tmp_path / found


def test_a_folder_is_pinned_to_what_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(tmp_path / "shapes/1.0.0", tmp_path / "loose")
    monkeypatch.chdir(tmp_path)
    for src, pinned in (("./shapes", "./shapes/1.0.0"), ("shapes/1.0.0", "shapes/1.0.0"), ("loose", "loose")):
        config = SourceConfig(src=src, data_dir="nowhere")
        assert pinned_src(config, tfds_directory(config)) == pinned


# A dataset that does not exist


def test_a_folder_without_features_json_says_what_to_give(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    with pytest.raises(UsageError, match=r"no features\.json.*'.*/records/\*\.tfrecord\*'"):
        find(tmp_path / "records")


def test_a_folder_of_configs_lists_them(tmp_path: Path) -> None:
    prepare(tmp_path / "shapes/big/1.0.0", tmp_path / "shapes/small/2.0.0")
    with pytest.raises(UsageError, match=r"holds 2 datasets or configs \(big, small\): choose one"):
        find(tmp_path / "shapes")


def test_a_missing_features_json_is_named(dataset: Dataset) -> None:
    (dataset.folder / "features.json").unlink()
    for src in (dataset.folder, dataset.folder.parent):
        with pytest.raises(UsageError, match=rf"{dataset.folder}/features\.json is missing, which TFDS"):
            find(src)


@pytest.mark.parametrize("src", ["files/nothing.tfrecord", "nothing.tfrecord.gz", "files/2", "a-00000.tfrecord-0"])
def test_a_mistyped_path_asks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, download: FakeDownload, src: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "files").mkdir()
    (tmp_path / "files/something.tfrecord").touch()
    with pytest.raises(UsageError, match=f"--src {src}: no such file or folder"):
        find(src, tmp_path / "prepared")
    assert not download.commands


def test_a_mistyped_path_lists_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "something.tfrecord").touch()
    with pytest.raises(UsageError, match=rf"no such file or folder; {tmp_path} has something\.tfrecord"):
        find(tmp_path / "nothing.tfrecord")


def test_what_tfds_has_under_the_name_is_listed(tmp_path: Path) -> None:
    prepare(tmp_path / "shapes/1.0.1", tmp_path / "shapes/1.0.2")
    with pytest.raises(SourceError, match=r"it was expected in .*shapes/2 \(.*shapes has 1\.0\.1, 1\.0\.2\)"):
        find("shapes/2", tmp_path)


def test_a_file_url_is_a_path(dataset: Dataset) -> None:
    assert tfds_directory(SourceConfig(src=f"file://{dataset.folder}")) == dataset.folder


@pytest.mark.parametrize("src", ["/no/such/folder", "./nothing", "../train.tfrecord", "-x", "100"])
def test_what_is_neither_a_name_nor_there_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, download: FakeDownload, src: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no such file or folder"):
        find(src)
    assert not download.commands


def test_a_name_not_prepared_tells_where_it_was_looked_for_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        find("shape/small:1.0.0", tmp_path / "prepared")
    message = str(caught.value)
    assert message.startswith("--src shape/small:1.0.0: TFDS knows no dataset of this name; ")
    for part in (str(tmp_path / "prepared/shape/small"), "--data-dir", "--src mnist_sample"):
        assert part in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("stdout", "stderr", "told"),
    [
        ("Downloading\nTFDS could not download it (Refused: 403)\n", "", "TFDS could not download it (Refused: 403)"),
        ("", "Traceback\nModuleNotFoundError: No module\n", "ModuleNotFoundError: No module"),
        ("", "", "it ended without a message"),
    ],
)
def test_the_last_words_of_the_download_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stdout: str, stderr: str, told: str
) -> None:
    use(monkeypatch, FakeDownload(stdout=stdout, stderr=stderr))
    with pytest.raises(SourceError) as caught:
        find("shapes", tmp_path)
    assert str(caught.value).startswith(f"--src shapes: {told}; ")


@pytest.mark.parametrize(
    ("src", "asked", "made"),
    [
        ("shapes", "shapes", "shapes/3.1.0"),
        ("shapes:1.0.0", "shapes:1.0.0", "shapes/1.0.0"),
        ("shapes/small/1.0.0", "shapes/small:1.0.0", "shapes/small/1.0.0"),
    ],
)
def test_a_download_that_works_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, src: str, asked: str, made: str
) -> None:
    fake = use(monkeypatch, FakeDownload(code=0, makes=tmp_path / made))
    assert find(src, tmp_path) == tmp_path / made
    assert fake.commands == [python_command(_DOWNLOAD, asked, str(tmp_path))]


def test_a_download_that_claims_success_but_made_nothing_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, FakeDownload(code=0, stdout="done", makes=tmp_path / "other/1.0.0"))
    with pytest.raises(SourceError, match="src shapes: done"):
        find("shapes", tmp_path)


# The content of a directory


def described(dataset: Dataset, **options: Any) -> Any:
    return open_source(SourceConfig(src=str(dataset.folder), **options))


def info_of(dataset: Dataset) -> Path:
    return dataset.folder / "dataset_info.json"


def test_a_dataset_is_described_by_its_json_files(dataset: Dataset) -> None:
    source = described(dataset)
    assert (source.name, source.split, source.class_names) == ("shapes", "train", None)
    assert [file.name for file in source.files] == [path.name for path in dataset.files]
    assert [file.path for file in source.files] == [str(path) for path in dataset.files]
    assert [(file.position, file.declared_records) for file in source.files] == [(0, 20), (1, 20)]
    spec = source.spec
    assert (spec.input_key, spec.label_key, spec.encoding) == ("image", "label", "encoded")
    assert (spec.shape, spec.num_classes, spec.label_kind, spec.first_class) == ((6, 5, 1), 4, "class", 0)


def test_paths_are_absolute(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(dataset.folder.parent)
    source = open_source(SourceConfig(src="./1.0.0"))
    assert all(os.path.isabs(file.path) for file in source.files)  # noqa: PTH117


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("ant\nbee\ncat\ndog\n", ("ant", "bee", "cat", "dog")),
        ("ant\nbee\ncat\ndog", ("ant", "bee", "cat", "dog")),
        ("Ärmel\nbee\n猫\ndog\n", ("Ärmel", "bee", "猫", "dog")),
        ("ant\nbee\n", None),  # too few to know which is which
    ],
)
def test_class_names(dataset: Dataset, text: str, names: tuple[str, ...] | None) -> None:
    (dataset.folder / "label.labels.txt").write_text(text, encoding="utf-8")
    assert described(dataset).class_names == names


def test_class_names_that_are_not_utf8_are_a_source_error(dataset: Dataset) -> None:
    (dataset.folder / "label.labels.txt").write_bytes(b"\xff\xfe\nb\nc\nd\n")
    with pytest.raises(SourceError, match=r"label\.labels\.txt"):
        described(dataset)


def test_a_missing_shard_is_named(dataset: Dataset) -> None:
    dataset.files[1].unlink()
    with pytest.raises(
        SourceError, match=f"{dataset.files[0].parent}/shapes-train.tfrecord-00001-of-00002: is missing"
    ):
        described(dataset)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        (None, "shapes-train.tfrecord-00000-of-00001"),
        ("{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}", "shapes-train.tfrecord-00000-of-00001"),
        ("{SPLIT}_{SHARD_INDEX}_{NUM_SHARDS}.rec", "train_00000_00001.rec"),
    ],
)
def test_file_names_follow_the_template(tmp_path: Path, template: str | None, name: str) -> None:
    dataset = write_tfds(tmp_path / "shapes/1.0.0", num_examples=4)
    dataset.files[0].rename(dataset.folder / name)
    edit_json(info_of(dataset), lambda info: info["splits"][0].update(filepathTemplate=template))
    assert [file.name for file in described(dataset).files] == [name]


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{SPLIT}/part.{FILEFORMAT}-{SHARD_X_OF_Y}", "train/part.tfrecord-00000-of-00001"),
        ("{SPLIT}/{SHARD_INDEX}/data", "train/00000/data"),
    ],
)
def test_a_template_may_have_folders(tmp_path: Path, template: str, name: str) -> None:
    dataset = write_tfds(tmp_path / "shapes/1.0.0", num_examples=4)
    (dataset.folder / name).parent.mkdir(parents=True)
    dataset.files[0].rename(dataset.folder / name)
    edit_json(info_of(dataset), lambda info: info["splits"][0].update(filepathTemplate=template))
    source = described(dataset)
    assert [(file.name, file.path) for file in source.files] == [(name, str(dataset.folder / name))]
    (dataset.folder / name).unlink()
    with pytest.raises(SourceError, match=f"{name}: is missing"):
        described(dataset)


@pytest.mark.parametrize("template", ["../{SPLIT}", "/etc/{SPLIT}", "a//{SPLIT}", "{SPLIT}/../../x", "./{SPLIT}"])
def test_a_template_stays_in_its_folder(dataset: Dataset, template: str) -> None:
    edit_json(info_of(dataset), lambda info: info["splits"][0].update(filepathTemplate=template))
    with pytest.raises(SourceError, match="is a template that leaves the folder"):
        described(dataset)


@pytest.mark.parametrize("name", ["dataset_info.json", "features.json", "label.labels.txt"])
def test_a_pipe_or_a_device_is_refused_at_once(tmp_path: Path, name: str) -> None:
    dataset = write_tfds(tmp_path / "shapes/1.0.0", num_examples=4)
    (dataset.folder / "label.labels.txt").write_text("a")
    (dataset.folder / name).unlink()
    (dataset.folder / name).symlink_to("/dev/zero")
    if name == "label.labels.txt":
        assert described(dataset).class_names is None
        return
    with pytest.raises((SourceError, UsageError), match=r"features.json is missing|it is not a regular file"):
        described(dataset)


def test_a_pipe_is_no_name_of_a_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, download: FakeDownload
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with pytest.raises(UsageError, match="src pipe: is neither a regular file nor a folder"):
        find("pipe", tmp_path)
    assert not download.commands


def test_a_description_of_many_megabytes_is_refused(dataset: Dataset) -> None:
    info_of(dataset).write_bytes(b" " * (8 << 20) + info_of(dataset).read_bytes())
    with pytest.raises(SourceError, match=r"dataset_info\.json: .*bytes, at most 8 MiB are allowed"):
        described(dataset)


@pytest.mark.parametrize("count", [0, -1, 1_000_001, 10**9])
def test_a_number_of_classes_out_of_bounds_is_refused(dataset: Dataset, count: int) -> None:
    write_features(
        dataset.folder / "features.json", {"image": image_feature((None, None, 1)), "label": label_feature(count)}
    )
    with pytest.raises((SourceError, UsageError), match=r"allowed are 1 to 1,000,000"):
        described(dataset)


def test_other_file_formats_are_refused(dataset: Dataset) -> None:
    edit_json(info_of(dataset), lambda info: info.update(fileFormat="parquet"))
    with pytest.raises(SourceError, match="stored as parquet, only tfrecord and array_record can be read: prepare it"):
        described(dataset)


def test_an_unknown_split_lists_those_there(dataset: Dataset) -> None:
    edit_json(info_of(dataset), lambda info: info["splits"].append({"name": "extra", "shardLengths": []}))
    with pytest.raises(UsageError, match="split 'trian': shapes has extra, train"):
        described(dataset, split="trian")


def test_a_split_without_files_is_refused(dataset: Dataset) -> None:
    edit_json(info_of(dataset), lambda info: info["splits"][0].update(shardLengths=[]))
    with pytest.raises(SourceError, match="shapes: split 'train' has no files"):
        described(dataset)


@pytest.mark.parametrize("option", ["image_key", "label_key"])
def test_an_unknown_feature_lists_those_there(dataset: Dataset, option: str) -> None:
    with pytest.raises(
        UsageError, match=rf"{option.replace('_', '-')} digit: .* has no feature 'digit'; it has image .*, label"
    ):
        described(dataset, **{option: "digit"})


def test_the_supervised_label_wins_over_other_labels(dataset: Dataset) -> None:
    features = {"image": image_feature((6, 5, 1)), "label": label_feature(4), "coarse": label_feature(2)}
    write_features(dataset.folder / "features.json", features)
    assert described(dataset).spec.label_key == "label"
    items = [{"featureKey": "image"}, {"featureKey": "coarse"}]
    edit_json(info_of(dataset), lambda info: info.update(supervisedKeys={"tuple": {"items": items}}))
    assert described(dataset).spec.label_key == "coarse"
    assert described(dataset, label_key="label").spec.num_classes == 4


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'"shapes"',
        b"{}",
        b"null",
        b"\xff\xfe\x00\x01",
        b"[" * 100_000,
        b"1e999",
        "{}".encode("utf-16"),
    ],
)
def test_a_dataset_info_that_tfds_did_not_write_is_a_source_error(dataset: Dataset, content: bytes) -> None:
    info_of(dataset).write_bytes(content)
    with pytest.raises(SourceError, match=r"dataset_info\.json: cannot be read as TFDS writes it"):
        described(dataset)


@pytest.mark.parametrize(
    "changes",
    [
        {"splits": None},
        {"splits": ["train"]},
        {"splits": [{"name": "train", "shardLengths": ["many"]}]},
        {"splits": [{"name": "train", "shardLengths": ["40"], "filepathTemplate": "{FOLDER}/x"}]},
        {"splits": [{"name": "train", "shardLengths": ["40"], "filepathTemplate": "{SPLIT:>1000000000}"}]},
        {"splits": [{"name": "train", "shardLengths": ["40"], "filepathTemplate": "{SPLIT.__class__}"}]},
        {"splits": [{"name": "train", "shardLengths": ["40"], "filepathTemplate": "../{SPLIT}"}]},
        {"splits": [{"name": "train", "shardLengths": ["40"], "filepathTemplate": "x" * 256}]},
        {"supervisedKeys": None},
    ],
    ids=str,
)
def test_a_dataset_info_of_another_form_is_a_source_error(dataset: Dataset, changes: dict[str, Any]) -> None:
    edit_json(info_of(dataset), lambda info: info.update(changes))
    with pytest.raises(SourceError, match=r"dataset_info\.json"):
        described(dataset)


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "a/b"])
def test_a_name_that_leads_out_of_the_output_folder_is_refused(dataset: Dataset, name: str) -> None:
    """The name becomes part of the names of the files that a run writes."""
    template = "shapes-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
    edit_json(info_of(dataset), lambda info: info["splits"][0].update(filepathTemplate=template))
    edit_json(info_of(dataset), lambda info: info.update(name=name))
    with pytest.raises(SourceError, match=re.escape(name)):
        described(dataset)


def test_a_missing_dataset_info_is_named(dataset: Dataset) -> None:
    info_of(dataset).unlink()
    with pytest.raises(SourceError, match=r"dataset_info\.json: cannot be read .*FileNotFoundError"):
        described(dataset)


EVIL = "open({marker!r}, 'w').write('imported')\n"


@pytest.mark.parametrize(
    "class_name", ["os.system", "evil_features.Image", "evil_features.Unknown", "evil_features.sub.ClassLabel"]
)
def test_classes_named_in_features_json_are_never_imported(
    tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, class_name: str
) -> None:
    marker, package = tmp_path / "marker", tmp_path / "path/evil_features"
    package.mkdir(parents=True)
    for module in ("__init__", "sub"):
        (package / f"{module}.py").write_text(EVIL.format(marker=str(marker)))
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setattr(os, "system", lambda command: marker.write_text(str(command)))

    def name_it(description: Any) -> None:
        description["pythonClassName"] = class_name
        extra = image_feature((2, 2, 1)) | label_feature(2) | {"pythonClassName": class_name}
        description["featuresDict"]["features"]["extra"] = extra

    before = set(sys.modules)
    edit_json(dataset.folder / "features.json", name_it)
    source = described(dataset, image_key="image", label_key="label")
    assert source.spec.input_key == "image"
    assert not marker.exists()
    assert not any(name.startswith("evil_features") for name in set(sys.modules) - before)


def test_opening_a_dataset_reads_no_record(dataset: Dataset) -> None:
    for path in dataset.files:
        path.write_bytes(b"nobody looks here yet")
    assert len(described(dataset).files) == 2


@pytest.mark.slow
def test_describing_a_dataset_imports_neither_tfds_nor_tensorflow(dataset: Dataset) -> None:
    code = (
        "import json, sys; from mixup_pipeline.sources import open_source; "
        "from mixup_pipeline.config import SourceConfig; open_source(SourceConfig(src=sys.argv[1])); "
        "print(json.dumps([name for name in ('tensorflow', 'tensorflow_datasets') if name in sys.modules]))"
    )
    process = subprocess.Popen(  # `subprocess.run` is replaced in this file
        [sys.executable, "-c", code, str(dataset.folder)], stdout=subprocess.PIPE, text=True
    )
    printed = process.communicate(timeout=60)[0]
    assert process.returncode == 0
    assert json.loads(printed) == []

"""Splits that names of files tell, and what of a pattern over several of them is taken."""

from pathlib import Path

import pytest

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import UsageError
from mixup_pipeline.sources.split_names import of_one_split, split_of

OWN = ["s-a.tfrecord-00000-of-00001", "s-b.tfrecord-00000-of-00001"]
TFDS = [
    f"shapes-{split}.tfrecord-0000{shard}-of-00002" for split in ("test", "train", "unlabelled") for shard in (0, 1)
]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("mnist-train.tfrecord-00000-of-00001", "train"),
        ("a-b-train2.tfrecord-00000-of-00001", "train2"),
        ("test_set-train.tfrecord-00000-of-00001", "train"),
        ("train-00000-of-01024", "train"),
        ("validation-00127-of-00128", "validation"),
        ("imagenet_val.tfrecord", "val"),
        ("Test.tfrecord.gz", "Test"),
        ("test2-0.rec", "test2"),
        ("unlabeled_0.tfrecord", "unlabeled"),
        ("data_test_train_3.tfrecord", "train"),
        ("shapes-part.tfrecord-00000-of-00001", "part"),
        *((name, None) for name in ("part-0", "testimony.tfrecord", "contest-1", "devices.rec", "0001", "valley_3")),
    ],
)
def test_the_split_that_a_name_tells(name: str, split: str | None) -> None:
    assert split_of(name) == split


def taken(names: list[str], **options: object) -> tuple[list[str], str, list[str]]:
    config = SourceConfig(src="x/*", **options)  # type: ignore[arg-type]
    paths, split, notes = of_one_split([Path(name) for name in sorted(names)], config)
    return [path.name for path in paths], split, notes


@pytest.mark.parametrize("names", [TFDS, ["train-0", "val-0"], ["part-0", "test-0"], ["train-0", "unlabelled-0"]])
def test_files_of_several_splits_are_refused_with_the_flag_to_choose(names: list[str]) -> None:
    with pytest.raises(UsageError, match=r"--src x/\*: matches files of several splits \(.*: choose one with --split"):
        taken(names)
    with pytest.raises(UsageError, match=r"several splits \(.*, none of them 'extra'\)"):
        taken(names, split="extra")
    with pytest.raises(UsageError, match="several splits"):  # it may be a test set, but not all of them together
        taken(names, allow_eval_split=True)


def test_the_split_that_is_asked_for_is_taken_and_the_others_are_said() -> None:
    assert taken(TFDS, split="train") == (TFDS[2:4], "train", ["left out: 2 files of test, 2 files of unlabelled"])
    assert taken(TFDS, split="test", allow_eval_split=True)[0] == TFDS[:2]
    assert taken(["train-0", "val-0", "part-0"], split="train") == (
        ["train-0"],
        "train",
        ["left out: 1 file of no split, 1 file of val"],
    )


def test_evaluation_files_alone_must_be_allowed_and_keep_their_name() -> None:
    with pytest.raises(UsageError, match=r"its files are of split 'test', which is for evaluation.*--allow-eval-split"):
        taken(TFDS[:2])
    assert taken(TFDS[:2], allow_eval_split=True) == (TFDS[:2], "test", [])
    assert taken(TFDS[:2], allow_eval_split=True, split="mine")[1] == "mine"


@pytest.mark.parametrize(
    "names",
    [["a", "b"], TFDS[2:4], ["train-0", "train2-0"], OWN],
)
def test_other_files_are_taken_together(names: list[str]) -> None:
    assert taken(names) == (names, "train", [])

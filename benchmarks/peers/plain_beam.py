"""Peer: the pipeline one writes first, element by element: read, parse, key, GroupByKey, mix, WriteToTFRecord.

It makes what the tool makes: pairs over the whole dataset, each example base once and partner once, λ, ids and labels
in the record. An example is keyed twice, by its own slot and by that of the example it is partner of. Same runner and
image decoder as the tool, messages from TFDS. Usage: plain_beam.py DATA_DIR OUT COPIES
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import apache_beam as beam
import cv2
import numpy as np
import numpy.typing as npt
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tensorflow_datasets.proto import tf_example_generated_pb2 as tf_example

from mixup_pipeline.records.framing import read_records

Parsed = tuple[int, npt.NDArray[np.uint8], int]

_EXAMPLES = 60_000
_FILE = "mnist-train.tfrecord-00000-of-00001"


def read(path: str) -> Iterator[tuple[int, bytes]]:
    for index, (_, payload, _, _) in enumerate(read_records(Path(path), _FILE)):
        yield index, payload


def parse(record: tuple[int, bytes]) -> Parsed:
    feature = tf_example.Example.FromString(record[1]).features.feature
    image = cv2.imdecode(np.frombuffer(feature["image"].bytes_list.value[0], np.uint8), cv2.IMREAD_GRAYSCALE)
    return record[0], image[:, :, None], feature["label"].int64_list.value[0]


def key_twice(example: Parsed, order: list[int], shift: int) -> Iterator[tuple[int, tuple[bool, Parsed]]]:
    slot = order[example[0]]
    yield slot, (True, example)
    yield (slot - shift) % _EXAMPLES, (False, example)


def mix(pair: tuple[int, Iterable[tuple[bool, Parsed]]]) -> bytes:
    uses = dict(pair[1])
    (index, image, label), (other_index, other_image, other_label) = uses[True], uses[False]
    lam = np.float32(np.random.default_rng(pair[0]).beta(0.2, 0.2))
    soft_label = np.zeros(10, np.float32)
    soft_label[label] += lam
    soft_label[other_label] += 1 - lam
    mixed = tf_example.Example()
    feature = mixed.features.feature
    pixels = np.rint(lam * image + (1 - lam) * other_image).astype(np.uint8)
    feature["image"].bytes_list.value.append(pixels.tobytes())
    feature["label"].float_list.value.extend(soft_label)
    feature["mixup/lam"].float_list.value.append(lam)
    feature["mixup/base_id"].bytes_list.value.append(f"{_FILE}__{index}".encode())
    feature["mixup/partner_id"].bytes_list.value.append(f"{_FILE}__{other_index}".encode())
    feature["mixup/base_label"].int64_list.value.append(label)
    feature["mixup/partner_label"].int64_list.value.append(other_label)
    return mixed.SerializeToString()


def main(data_dir: str, out: str, copies: int) -> None:
    rng = np.random.default_rng(0)
    order = rng.permutation(_EXAMPLES).tolist()
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        parsed = (
            pipeline
            | "Files" >> beam.Create([str(Path(data_dir) / "mnist/3.0.1" / _FILE)])
            | "Read" >> beam.FlatMap(read)
            | "Parse" >> beam.Map(parse)
        )
        for copy in range(copies):
            (
                parsed
                | f"Key{copy}" >> beam.FlatMap(key_twice, order=order, shift=int(rng.integers(1, _EXAMPLES)))
                | f"Group{copy}" >> beam.GroupByKey()
                | f"Mix{copy}" >> beam.Map(mix)
                | f"Write{copy}" >> beam.io.WriteToTFRecord(str(Path(out) / f"copy-{copy}.tfrecord"), num_shards=1)
            )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

"""Peer: a leaner pipeline that does less: it mixes inside 64 random buckets instead of pairing over the whole dataset.

It knows no record indices, so it writes no ids. Runner, decoder and messages as in plain_beam.py. Usage:
bucket_beam.py DATA_DIR OUT COPIES
"""

import random
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import apache_beam as beam
import cv2
import numpy as np
import numpy.typing as npt
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tensorflow_datasets.proto import tf_example_generated_pb2 as tf_example

Parsed = tuple[npt.NDArray[np.uint8], int]

_BUCKETS = 64


def parse(payload: bytes) -> Parsed:
    feature = tf_example.Example.FromString(payload).features.feature
    image = cv2.imdecode(np.frombuffer(feature["image"].bytes_list.value[0], np.uint8), cv2.IMREAD_GRAYSCALE)
    return image[:, :, None], feature["label"].int64_list.value[0]


def mix_bucket(bucket: tuple[int, Iterable[Parsed]]) -> Iterator[bytes]:
    rng = np.random.default_rng(bucket[0])
    examples = list(bucket[1])
    order = rng.permutation(len(examples))
    for position, (image, label) in enumerate(examples):
        other_image, other_label = examples[order[position]]
        lam = np.float32(rng.beta(0.2, 0.2))
        soft_label = np.zeros(10, np.float32)
        soft_label[label] += lam
        soft_label[other_label] += 1 - lam
        mixed = tf_example.Example()
        feature = mixed.features.feature
        pixels = np.rint(lam * image + (1 - lam) * other_image).astype(np.uint8)
        feature["image"].bytes_list.value.append(pixels.tobytes())
        feature["label"].float_list.value.extend(soft_label)
        feature["mixup/lam"].float_list.value.append(lam)
        feature["mixup/base_label"].int64_list.value.append(label)
        feature["mixup/partner_label"].int64_list.value.append(other_label)
        yield mixed.SerializeToString()


def main(data_dir: str, out: str, copies: int) -> None:
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        parsed = (
            pipeline
            | "Read" >> beam.io.ReadFromTFRecord(str(Path(data_dir) / "mnist/3.0.1/mnist-train.tfrecord-*"))
            | "Parse" >> beam.Map(parse)
        )
        for copy in range(copies):
            (
                parsed
                | f"Key{copy}" >> beam.Map(lambda example: (random.randrange(_BUCKETS), example))
                | f"Group{copy}" >> beam.GroupByKey()
                | f"Mix{copy}" >> beam.FlatMap(mix_bucket)
                | f"Write{copy}" >> beam.io.WriteToTFRecord(str(Path(out) / f"copy-{copy}.tfrecord"), num_shards=1)
            )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

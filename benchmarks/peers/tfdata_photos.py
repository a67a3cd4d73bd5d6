"""Peer: a tf.data program that mixes photographs: all that it does runs in TensorFlow's threads but the serializing.

It reads TFRecords, shuffles two copies of them over the whole dataset, decodes each JPEG (with TensorFlow's default
transform), takes the largest centred square, shrinks it by areas, mixes with λ ~ Beta(0.2, 0.2) for each example and
writes JPEGs of quality 95. Shuffling comes before decoding, so that its buffer holds files. It writes no ids. With
"cached" each of both keeps its decoded images in memory, all of them, and shuffles those.
Usage: tfdata_photos.py DATA_DIR OUT COPIES EXAMPLES [cached]
"""

import sys
from pathlib import Path
from typing import Any

import tensorflow as tf

_SIZE = 224
_CLASSES = 10
_QUALITY = 95
_ALPHA = 0.2
_FEATURES = {"image": tf.io.FixedLenFeature([], tf.string), "label": tf.io.FixedLenFeature([], tf.int64)}


def decode(record: Any) -> tuple[Any, Any]:
    example = tf.io.parse_single_example(record, _FEATURES)
    image = tf.io.decode_jpeg(example["image"], channels=3)
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    side = tf.minimum(height, width)
    image = tf.image.crop_to_bounding_box(image, (height - side) // 2, (width - side) // 2, side, side)
    image = tf.image.resize(image[None], (_SIZE, _SIZE), method="area")[0]
    return tf.cast(tf.round(image), tf.uint8), tf.one_hot(example["label"], _CLASSES)


def mix(base: Any, partner: Any) -> tuple[Any, Any, Any]:
    first, second = tf.random.gamma([], _ALPHA), tf.random.gamma([], _ALPHA)
    lam = first / (first + second)
    image = tf.cast(base[0], tf.float32) * lam + tf.cast(partner[0], tf.float32) * (1 - lam)
    image = tf.io.encode_jpeg(tf.cast(tf.round(image), tf.uint8), quality=_QUALITY)
    return image, base[1] * lam + partner[1] * (1 - lam), lam


def examples(data_dir: str, count: int, cached: bool) -> Any:
    files = sorted(str(path) for path in Path(data_dir).glob("*.tfrecord*"))
    records = tf.data.TFRecordDataset(files, num_parallel_reads=tf.data.AUTOTUNE)
    if cached:
        return records.map(decode, num_parallel_calls=tf.data.AUTOTUNE).cache().shuffle(count)
    return records.shuffle(count).map(decode, num_parallel_calls=tf.data.AUTOTUNE)


def serialized(image: bytes, label: Any, lam: float) -> bytes:
    features = {
        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
        "label": tf.train.Feature(float_list=tf.train.FloatList(value=label)),
        "mixup/lam": tf.train.Feature(float_list=tf.train.FloatList(value=[lam])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def main(data_dir: str, out: str, copies: int, count: int, cached: bool) -> None:
    pairs = tf.data.Dataset.zip((examples(data_dir, count, cached), examples(data_dir, count, cached)))
    mixed = pairs.map(mix, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
    for copy in range(copies):
        with tf.io.TFRecordWriter(str(Path(out) / f"copy-{copy}.tfrecord")) as writer:
            for image, label, lam in mixed.as_numpy_iterator():
                writer.write(serialized(image, label, lam))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:] == ["cached"])

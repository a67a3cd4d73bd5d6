"""Peer: the tutorial's mixup in tf.data, element by element, saved with TFRecordWriter.

Two shuffled copies of the dataset are zipped and mixed batch against batch with one λ per example, then written, uint8
image and soft label, once per copy. Usage: tutorial.py DATA_DIR OUT COPIES
"""

import sys
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_datasets as tfds


def main(data_dir: str, out: str, copies: int) -> None:
    train = tfds.load("mnist", split="train", data_dir=data_dir, as_supervised=True)

    def batches() -> Any:
        prepared = train.map(
            lambda image, label: (tf.cast(image, tf.float32) / 255, tf.one_hot(label, 10)),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        return prepared.shuffle(1024).batch(64)

    def mix(base: Any, partner: Any) -> Any:
        count = tf.shape(base[0])[0]
        first, second = tf.random.gamma([count], 0.2), tf.random.gamma([count], 0.2)
        lam = first / (first + second)
        image_lam, label_lam = tf.reshape(lam, [-1, 1, 1, 1]), tf.reshape(lam, [-1, 1])
        image = base[0] * image_lam + partner[0] * (1 - image_lam)
        label = base[1] * label_lam + partner[1] * (1 - label_lam)
        return tf.cast(tf.round(image * 255), tf.uint8), label

    for copy in range(copies):
        mixed = tf.data.Dataset.zip((batches(), batches())).map(mix, num_parallel_calls=tf.data.AUTOTUNE).unbatch()
        with tf.io.TFRecordWriter(str(Path(out) / f"copy-{copy}.tfrecord")) as writer:
            for image, label in mixed:
                features = {
                    "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image.numpy().tobytes()])),
                    "label": tf.train.Feature(float_list=tf.train.FloatList(value=label.numpy())),
                }
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

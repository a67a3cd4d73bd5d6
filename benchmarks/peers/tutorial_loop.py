"""Peer: the tutorial's training loop: mixup in tf.data, the whole dataset in memory, Keras as it comes.

Two shuffled copies are zipped and mixed batch against batch with one λ per example; batch 64, Adam 3e-3, nothing else
set, so that Keras looks at every step from Python.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
import tensorflow_datasets as tfds

_BATCH = 64


def tutorial_epochs(data_dir: str, alpha: float = 0.2) -> Callable[[], None]:
    """A function that trains one more epoch."""
    images, labels = tfds.as_numpy(
        tfds.load("mnist", split="train", data_dir=data_dir, as_supervised=True, batch_size=-1)
    )
    images = images.astype("float32") / 255
    labels = tf.one_hot(labels, 10)

    def shuffled() -> Any:
        return tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(_BATCH * 100).batch(_BATCH)

    def mix(base: Any, partner: Any) -> Any:
        count = tf.shape(base[0])[0]
        first, second = tf.random.gamma([count], alpha), tf.random.gamma([count], alpha)
        lam = first / (first + second)
        image_lam, label_lam = tf.reshape(lam, [-1, 1, 1, 1]), tf.reshape(lam, [-1, 1])
        image = base[0] * image_lam + partner[0] * (1 - image_lam)
        return image, base[1] * label_lam + partner[1] * (1 - label_lam)

    train = tf.data.Dataset.zip((shuffled(), shuffled())).map(mix, num_parallel_calls=tf.data.AUTOTUNE)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, strides=2, activation="relu"),
            layers.Conv2D(64, 3, strides=2, activation="relu"),
            layers.Dropout(0.1),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-3), "categorical_crossentropy", metrics=["accuracy"])
    return lambda: model.fit(train, epochs=1, verbose=0, shuffle=False) and None

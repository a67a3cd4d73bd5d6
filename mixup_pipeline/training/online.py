"""Mixup while training: two differently shuffled passes over the source are zipped, and their batches are mixed.

Training code usually does this. Here it is an arm to compare with precomputed shards: in epoch e, λ comes from the same
draws as in copy e of the shards, and mixed images are rounded to uint8 in the same way. Partners may have any class,
because a batch does not hold partners of every class.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from mixup_pipeline.mixing.methods.mixup import draw_lam
from mixup_pipeline.mixing.randomness import words
from mixup_pipeline.training.batches import BATCHES_AHEAD, Dataset, Feeding, training_batches
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.tensorflow_import import import_tensorflow


def mixed_online(records: ExampleFiles, feeding: Feeding, epoch: int, *, alpha: float) -> Dataset:
    """The mixed batches of one epoch: as `training_batches`, mixed with λ ~ Beta(alpha, alpha) per example."""
    tf = import_tensorflow()
    other_order = replace(feeding, seed=int(words(1, feeding.seed, "online-partners")[0] >> np.uint64(1)))
    bases, partners = (training_batches(records, order, epoch) for order in (feeding, other_order))
    drawn = draw_lam(0, records.examples, alpha=alpha, seed=feeding.seed, copy=epoch).astype(np.float32)
    lam = tf.data.Dataset.from_tensor_slices(drawn).batch(feeding.batch_size, drop_remainder=True)
    mixed = tf.data.Dataset.zip((bases, partners, lam)).map(mix, num_parallel_calls=tf.data.AUTOTUNE)
    return mixed.prefetch(BATCHES_AHEAD)


def mix(base: tuple[Any, Any], partner: tuple[Any, Any], lam: Any) -> tuple[Any, Any]:
    """Mix two batches of (inputs (n, …), soft labels float32 (n, num_classes)): λ·base + (1−λ)·partner.

    lam: float32[n]. uint8 inputs are rounded half to even and stay uint8. RGBA images are mixed by opacity, as
    `mixing.arithmetic.mix_rgba` mixes them.
    """
    tf = import_tensorflow()
    (base_inputs, base_labels), (partner_inputs, partner_labels) = base, partner

    def blend(first: Any, second: Any) -> Any:
        weight = tf.reshape(lam, (-1, *[1] * (first.shape.rank - 1)))
        return weight * tf.cast(first, tf.float32) + (1 - weight) * tf.cast(second, tf.float32)

    inputs = (
        _by_opacity(base_inputs, partner_inputs, lam) if _is_rgba(base_inputs) else blend(base_inputs, partner_inputs)
    )
    if base_inputs.dtype == tf.uint8:
        inputs = tf.cast(tf.round(inputs), tf.uint8)  # tf.round rounds half to even
    return inputs, blend(base_labels, partner_labels)


def _is_rgba(inputs: Any) -> bool:
    return inputs.dtype == import_tensorflow().uint8 and inputs.shape.rank == 4 and inputs.shape[-1] == 4


def _by_opacity(base: Any, partner: Any, lam: Any) -> Any:
    """Two batches of RGBA images (n, h, w, 4), mixed but not rounded."""
    tf = import_tensorflow()
    first, second = (tf.cast(side, tf.float32) for side in (base, partner))
    weight = tf.reshape(lam, (-1, 1, 1, 1))
    rest = 1 - weight
    first_share, second_share = weight * first[..., 3:], rest * second[..., 3:]
    opacity = first_share + second_share
    hidden = tf.equal(opacity, 0)
    first_share, second_share = tf.where(hidden, weight, first_share), tf.where(hidden, rest, second_share)
    colours = first_share * first[..., :3] + second_share * second[..., :3]
    return tf.concat([colours / tf.where(hidden, tf.ones_like(opacity), opacity), opacity], -1)

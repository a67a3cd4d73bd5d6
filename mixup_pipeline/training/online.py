"""Mixup while training: the batches of unmixed training are mixed with others of the same source.

Training code usually does this, with partners out of the same batch. Here it is an arm to compare with precomputed
shards: the bases are those of all other arms, the partner of each is any other example of the whole dataset with equal
probability, and mixed images are rounded to uint8 in the same way. In epoch e, λ comes from the draws of copy e.
"""

from functools import partial
from typing import Any

import numpy as np

from mixup_pipeline.mixing.methods.mixup import draw_lam
from mixup_pipeline.mixing.views import PARTNER
from mixup_pipeline.training.batches import BATCHES_AHEAD, Dataset, ordered_batches, training_batches
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.order import Feeding
from mixup_pipeline.training.tensorflow_import import import_tensorflow


def mixed_online(records: ExampleFiles, feeding: Feeding, steps: range, *, alpha: float) -> Dataset:
    """The mixed batches of these steps: as `training_batches`, mixed with λ ~ Beta(alpha, alpha) per example."""
    tf, examples = import_tensorflow(), records.examples
    bases = training_batches(records, feeding, steps)
    partners = ordered_batches(records, feeding, steps, partial(feeding.partner_order, examples), PARTNER)
    drawn = feeding.over_steps(
        steps, examples, lambda epoch: draw_lam(0, examples, alpha=alpha, seed=feeding.seed, copy=epoch)
    ).astype(np.float32)
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

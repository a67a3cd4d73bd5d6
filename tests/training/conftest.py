"""Tests of training import TensorFlow, so they run in a process of their own: `make tests` calls pytest twice.

Other tests check against the tf.Example of TFDS and of the tfrecord package, and protobuf takes only one definition of
a message into its common pool.
"""

import sys

import pytest

_OTHER_DEFINITIONS = ("tensorflow_datasets.proto.tf_example_generated_pb2", "tfrecord.example_pb2")


@pytest.fixture(autouse=True)
def _tensorflow_can_be_imported() -> None:
    if any(name in sys.modules for name in _OTHER_DEFINITIONS):
        pytest.skip("TensorFlow cannot be imported beside other tests: run pytest tests/training")

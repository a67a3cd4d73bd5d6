"""A first step that needs nothing of this package on the worker: it says where the package is missing.

Any other step would not even arrive on such a worker, and Flink would wait for it for ever. So this module is sent to
workers as it is, where all others are imported there.
"""

import importlib.util
import sys
from collections.abc import Iterator

import apache_beam as beam
from apache_beam.internal.cloudpickle import cloudpickle

cloudpickle.register_pickle_by_value(sys.modules[__name__])


class CheckWorker(beam.DoFn):
    """Anything → the same."""

    def process(self, element: object) -> Iterator[object]:
        try:
            found = importlib.util.find_spec("mixup_pipeline.engine.graph")
        except ModuleNotFoundError:
            found = None
        if found is None:
            raise RuntimeError(
                "mixup_pipeline.errors.EngineError: workers do not have mixup-pipeline, or have another version of it: "
                "install the same one there, and run the same command again"
            )
        yield element

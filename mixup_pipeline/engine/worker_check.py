"""The first step: fails with a clear error on a worker where mixup-pipeline is not installed.

Any other step could not even be unpickled there, and Flink would wait for it forever. So this module is pickled by
value, while workers import all others.
"""

import importlib.util
import sys
from collections.abc import Iterator

import apache_beam as beam
from apache_beam.internal.cloudpickle import cloudpickle

cloudpickle.register_pickle_by_value(sys.modules[__name__])


class CheckWorker(beam.DoFn):
    """Passes each element on, after the check."""

    def process(self, element: object) -> Iterator[object]:
        try:
            found = importlib.util.find_spec("mixup_pipeline.engine.graph")
        except ModuleNotFoundError:
            found = None
        if found is None:
            raise RuntimeError(
                "mixup_pipeline.errors.EngineError: workers do not have mixup-pipeline, or have another version of it: "
                "install the same version there, and run the same command again"
            )
        yield element

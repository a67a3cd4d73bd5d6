"""The numbers that Beam's options may hold. Beam takes any, and fails later on in ways that name no option."""

from apache_beam.options.pipeline_options import PipelineOptions

from mixup_pipeline.errors import UsageError

_PORT = (0, 65535)
_COUNT = (1, 2**31 - 1)
_RANGES = {
    "direct_num_workers": (0, 1024),  # 0: one for each core
    "direct_runner_bundle_repeat": (0, 1000),
    "job_port": _PORT,
    "artifact_port": _PORT,
    "expansion_port": _PORT,
    "job_server_timeout": _COUNT,
    "num_workers": _COUNT,
    "max_num_workers": _COUNT,
    "disk_size_gb": _COUNT,
    "number_of_worker_harness_threads": _COUNT,
    "sdk_worker_parallelism": (0, 1024),  # 0: the engine chooses
    "environment_cache_millis": (0, 2**31 - 1),
    "parallelism": (1, 2**15),  # the limits of Flink
    "max_parallelism": (1, 2**15),
}
_UNSET = {"parallelism": -1, "max_parallelism": -1, "num_workers": 0, "max_num_workers": 0, "disk_size_gb": 0}
"""What stands for "the engine chooses" beside the range."""


def check_ranges(options: PipelineOptions) -> None:
    """Raise UsageError for a number that the engine cannot use."""
    given = options.get_all_options(drop_default=True)
    for name, (low, high) in _RANGES.items():
        value = _whole(given.get(name))
        if name not in given or value == _UNSET.get(name, low) or (value is not None and low <= value <= high):
            continue
        unset = f", or {_UNSET[name]} to let the engine choose" if name in _UNSET else ""
        raise UsageError(
            f"Beam options after '--': --{name} must be a whole number from {low:,} to {high:,}{unset}, "
            f"got {given[name]!r}"
        )


def _whole(value: object) -> int | None:
    """Some of these options are text to Beam. None for what is no number."""
    try:
        return int(str(value))
    except ValueError:
        return None

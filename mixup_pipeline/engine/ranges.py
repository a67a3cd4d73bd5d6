"""What Beam's options may hold. Beam takes almost anything, and fails later on in ways that name no option."""

import logging
import re
from collections.abc import Mapping

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.resources import resource_hints_from_options

from mixup_pipeline.errors import UsageError, first_line

_LARGEST = 2**31 - 1
_PORT = (0, 65535)
_COUNT = (1, _LARGEST)
_FROM_NOTHING = (0, _LARGEST)
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
    "disk_provisioned_iops": _COUNT,
    "disk_provisioned_throughput_mibps": _COUNT,
    "number_of_worker_harness_threads": _COUNT,
    "max_cache_memory_usage_mb": _FROM_NOTHING,
    "element_processing_timeout_minutes": _COUNT,
    "profile_upload_interval_sec": _COUNT,
    "profile_postprocess_interval_sec": _COUNT,
    "profiler_stop_after_sec": _FROM_NOTHING,
    "sdk_worker_parallelism": (0, 1024),  # 0: the engine chooses
    "environment_cache_millis": _FROM_NOTHING,
    "parallelism": (1, 2**15),  # the limits of Flink
    "max_parallelism": (1, 2**15),
}
_UNSET = {"parallelism": -1, "max_parallelism": -1, "num_workers": 0, "max_num_workers": 0, "disk_size_gb": 0}
"""What stands for "the engine chooses" beside the range."""
_NO_NUMBER = re.compile(r"argument --(\w+)\S*: invalid int value: (.+)")
_VERSION = re.compile(r"\d+\.\d+(\.\d+)?")
_OF_OBJECTS = ("direct_test_splits", "transform_name_mapping")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def check_values(options: PipelineOptions) -> None:
    """Raise UsageError for a value that the engine cannot use."""
    given = options.get_all_options(drop_default=True)
    for name, (low, high) in _RANGES.items():
        value = _whole(given.get(name))
        if name in given and value != _UNSET.get(name, low) and (value is None or not low <= value <= high):
            raise _out_of_range(name, repr(given[name]))
    for name in _OF_OBJECTS:
        if name in given:
            _check_object(name, given[name])
    version = given.get("update_compatibility_version")
    if version is not None and not _VERSION.fullmatch(version):
        raise UsageError(
            f"Beam options after '--': --update_compatibility_version must be a version of Beam such as 2.70.0, got "
            f"{version!r}"
        )
    level = given.get("default_sdk_harness_log_level")
    if level is not None and not level.isdecimal() and level not in _LEVELS:
        raise UsageError(
            f"Beam options after '--': --default_sdk_harness_log_level must be one of {', '.join(_LEVELS)} or a whole "
            f"number from {logging.NOTSET} on, got {level!r}"
        )
    try:
        resource_hints_from_options(options)
    except ValueError as error:
        raise UsageError(f"Beam options after '--': --resource_hints: {first_line(error).rstrip('.')}") from error


def complaint(reason: str) -> UsageError:
    """The error for what Beam's parser of options said: where a number is wanted it does not say which."""
    found = _NO_NUMBER.fullmatch(reason)
    if found is not None and found[1] in _RANGES:
        return _out_of_range(found[1], found[2])
    return UsageError(f"Beam options after '--': {reason}")


def _out_of_range(name: str, got: str) -> UsageError:
    low, high = _RANGES[name]
    unset = f", or {_UNSET[name]} to let the engine choose" if name in _UNSET else ""
    return UsageError(
        f"Beam options after '--': --{name} must be a whole number from {low:,} to {high:,}{unset}, got {got}"
    )


def _check_object(name: str, value: object) -> None:
    of_objects = name == "direct_test_splits"
    if not isinstance(value, Mapping) or (of_objects and not all(isinstance(v, Mapping) for v in value.values())):
        what = "a JSON object of objects" if of_objects else "a JSON object"
        raise UsageError(f"Beam options after '--': --{name} must be {what}, got {value!r}")


def _whole(value: object) -> int | None:
    """Some of these options are text to Beam. None for what is no number."""
    try:
        return int(str(value))
    except ValueError:
        return None

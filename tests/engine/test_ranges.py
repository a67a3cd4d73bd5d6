"""What no engine can use in Beam's options is refused by name, with what is allowed."""

import pytest

from mixup_pipeline.engine.options import pipeline_options
from mixup_pipeline.errors import UsageError


@pytest.mark.parametrize(
    ("flag", "allowed"),
    [
        ("--direct_num_workers=-1", "from 0 to 1,024, got -1"),
        ("--direct_num_workers=1025", "from 0 to 1,024, got 1025"),
        ("--direct_runner_bundle_repeat=-1", "from 0 to 1,000, got -1"),
        ("--job_port=70000", "from 0 to 65,535, got 70000"),
        ("--artifact_port=-1", "from 0 to 65,535, got -1"),
        ("--parallelism=0", "from 1 to 32,768, or -1 to let the engine choose, got 0"),
        ("--max_parallelism=32769", "from 1 to 32,768, or -1 to let the engine choose, got 32769"),
        ("--sdk_worker_parallelism=many", "from 0 to 1,024, got 'many'"),
        ("--environment_cache_millis=-5", "from 0 to 2,147,483,647, got '-5'"),
        ("--num_workers=-2", "from 1 to 2,147,483,647, or 0 to let the engine choose, got -2"),
        ("--direct_num_workers=many", "from 0 to 1,024, got 'many'"),
        ("--parallelism=1.5", "from 1 to 32,768, or -1 to let the engine choose, got '1.5'"),
        ("--job_server_timeout=", "from 1 to 2,147,483,647, got ''"),
        ("--max_cache_memory_usage_mb=-1", "from 0 to 2,147,483,647, got -1"),
        ("--element_processing_timeout_minutes=0", "from 1 to 2,147,483,647, got 0"),
        ("--disk_provisioned_iops=99999999999999999999", "from 1 to 2,147,483,647, got 99999999999999999999"),
    ],
)
def test_numbers_out_of_range(flag: str, allowed: str) -> None:
    with pytest.raises(UsageError) as refused:
        pipeline_options("local", [flag])
    name = flag.partition("=")[0]
    assert str(refused.value) == f"Beam options after '--': {name} must be a whole number {allowed}"


@pytest.mark.parametrize(
    "flag",
    ["--direct_num_workers=0", "--direct_num_workers=1024", "--job_port=0", "--parallelism=-1", "--num_workers=0"],
)
def test_numbers_in_range(flag: str) -> None:
    assert pipeline_options("local", [flag])


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--direct_running_mode=fast", "'in_memory', 'multi_threading', 'multi_processing'"),
        ("--direct_test_splits=5", "must be a JSON object of objects, got 5"),
        ('--direct_test_splits={"a": 5}', "must be a JSON object of objects, got {'a': 5}"),
        ("--transform_name_mapping=[]", "must be a JSON object, got []"),
        ("--sdk_harness_log_level_overrides=5", "must be a JSON object"),
        ("--update_compatibility_version=2.70.0rc1", "must be a version of Beam such as 2.70.0, got '2.70.0rc1'"),
        ("--default_sdk_harness_log_level=LOUD", "DEBUG, INFO, WARNING, ERROR, CRITICAL or a whole number from 0 on"),
        ("--resource_hints=min_ram=much", "min_ram has invalid value much"),
        ("--resource_hints=5", "Unknown resource hint: 5"),
    ],
)
def test_other_values(flag: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        pipeline_options("local", [flag])
    line = str(refused.value)
    assert line.startswith("Beam options after '--': ")
    assert flag.partition("=")[0] in line
    assert said in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "flag",
    [
        '--direct_test_splits={"step": {"timings": [0.1], "fractions": [0.5]}}',
        '--sdk_harness_log_level_overrides={"a": "DEBUG"}',
        "--update_compatibility_version=2.70",
        "--default_sdk_harness_log_level=20",
        "--resource_hints=min_ram=1GB",
    ],
)
def test_other_values_that_are_right(flag: str) -> None:
    assert pipeline_options("local", [flag])

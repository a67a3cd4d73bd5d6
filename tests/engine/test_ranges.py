"""Numbers in Beam's options that no engine can use are refused by name."""

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

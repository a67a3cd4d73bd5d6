"""What several files look at and takes seconds to draw."""

import pytest

from mixup_pipeline.report.comparison_page import Report, report
from tests.compared import made_up, made_up_samples


@pytest.fixture(scope="session")
def whole_report() -> Report:
    """The report of a comparison with every question asked."""
    return report(made_up(), made_up_samples())

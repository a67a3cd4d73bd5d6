"""Paired differences at each look, against those of one look alone."""

from mixup_pipeline.comparison.by_epoch import differences_by_look
from mixup_pipeline.comparison.statistics import difference


def test_each_look_is_compared_alone_and_as_far_as_both_go() -> None:
    histories = [[{"accuracy": 0.1 * seed + 0.2 * look} for look in range(3)] for seed in range(4)]
    others = [[{"accuracy": 0.05 * seed * look} for look in range(2)] for seed in range(4)]
    found = differences_by_look(histories, others, "accuracy", (0.0, 1.0))
    assert found == [
        difference(
            [0.1 * seed + 0.2 * look for seed in range(4)], [0.05 * seed * look for seed in range(4)], (0.0, 1.0)
        )
        for look in range(2)
    ]

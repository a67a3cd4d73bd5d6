"""What the user asks for: frozen values that check themselves at birth.

`MixConfig` is everything that decides the bytes of the output for a given source; `SourceConfig` says where the source
is. Where the output goes and how many workers make it belong to neither, because they change no byte. `option` says how
an option is declared, `kinds` which values it can take, `registry` what can be chosen by name.
"""

from mixup_pipeline.config.kinds import check_choice, check_integer, check_number
from mixup_pipeline.config.mix import (
    ADVISED_ALPHA,
    ALPHA_RANGE,
    MAX_COPIES,
    MAX_EXAMPLES,
    MAX_SEED,
    MAX_SHARDS,
    MixConfig,
    augmentations,
)
from mixup_pipeline.config.source import SourceConfig

ENGINES = ("local", "prism", "flink", "spark", "dataflow")

__all__ = [
    "ADVISED_ALPHA",
    "ALPHA_RANGE",
    "ENGINES",
    "MAX_COPIES",
    "MAX_EXAMPLES",
    "MAX_SEED",
    "MAX_SHARDS",
    "MixConfig",
    "SourceConfig",
    "augmentations",
    "check_choice",
    "check_integer",
    "check_number",
]

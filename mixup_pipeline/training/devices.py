"""The devices that train, and the Keras settings that suit them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mixup_pipeline.errors import UsageError
from mixup_pipeline.training.tensorflow_import import import_tensorflow

_STEPS_TOGETHER = 64


@dataclass(frozen=True, kw_only=True)
class Devices:
    """names: TensorFlow's names of the devices that train, all of one kind. note: something the user should know."""

    names: tuple[str, ...]
    gpu: bool
    note: str | None = None

    def strategy(self) -> Any:
        """A tf.distribute strategy: mirrored over several devices, or TensorFlow's default for a single one."""
        tf = import_tensorflow()
        if len(self.names) > 1:
            return tf.distribute.MirroredStrategy(list(self.names))
        return tf.distribute.get_strategy()

    @property
    def jit_compile(self) -> bool | str:
        """Whether Keras uses XLA: its choice on a GPU; never on a CPU, where small networks get twice as slow."""
        return "auto" if self.gpu else False

    def steps_together(self, steps_per_epoch: int) -> int:
        """How many steps Keras runs before it returns to Python.

        One on several devices: Keras 3.15 cannot group steps under MirroredStrategy.
        """
        return min(_STEPS_TOGETHER, steps_per_epoch) if len(self.names) == 1 else 1


def choose_devices(wanted: str = "auto", names: Sequence[str] = ()) -> Devices:
    """All visible GPUs, or the CPU if there are none.

    wanted: "auto"; "cpu", which hides the GPUs from TensorFlow; or "gpu". names: TensorFlow devices to use instead.

    Raises UsageError if a GPU is wanted and none is visible.
    """
    tf = import_tensorflow()
    if names:
        return Devices(names=tuple(names), gpu=any("GPU" in name.upper() for name in names))
    if wanted == "cpu":
        tf.config.set_visible_devices([], "GPU")
    gpus = tf.config.list_logical_devices("GPU")
    if gpus:
        return Devices(names=tuple(gpu.name for gpu in gpus), gpu=True)
    if wanted == "gpu":
        raise UsageError(
            "--device gpu: TensorFlow sees no GPU here: install mixup-pipeline[gpu] and its driver, or use --device cpu"
        )
    return Devices(
        names=("/CPU:0",), gpu=False, note=None if wanted == "cpu" else "No GPU is visible: training on the CPU."
    )

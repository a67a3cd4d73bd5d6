"""What a training run reads: files of records, and where a record keeps its input and its label.

Mixed shards and an unmixed source are described by the same values, so that both go through the same code.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mixup_pipeline.config import MixConfig, SourceConfig
from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.records.framing import first_payload, is_compressed, walk
from mixup_pipeline.records.tf_example import ExampleReader, parse
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.scan import scan_file
from mixup_pipeline.sources.source import SourceFile
from mixup_pipeline.spec import ExampleSpec, Shape

LabelKind = Literal["soft", "compact", "class"]


@dataclass(frozen=True, kw_only=True)
class Records:
    """Records of one dataset.

    passes: the files of each pass over the dataset: one for a source, one a copy for mixed shards.
    examples: how many records a pass holds.
    encoding: "raw" is uint8 bytes of `shape`, "encoded" PNG or JPEG, "vector" floats.
    label_kind: "soft" is float32[num_classes], "class" an integer, "compact" two class ids and λ.
    first_class: the integer that stands for class 0.
    """

    name: str
    passes: tuple[tuple[str, ...], ...]
    examples: int
    shape: Shape
    num_classes: int
    class_names: tuple[str, ...] | None
    encoding: str
    label_kind: LabelKind
    input_key: str
    label_key: str
    first_class: int = 0


def mixed_records(out: Path, manifest: Manifest) -> Records:
    """The copies of a mixed dataset; originals that were kept are not among them."""
    schema, config = manifest["source"]["schema"], manifest["config"]
    vector = schema["encoding"] == "vector"
    passes: list[list[str]] = [[] for _ in range(config["copies"])]
    for shard in manifest["shards"]:
        if shard["copy"] is not None:
            passes[shard["copy"]].append(str(out / shard["name"]))
    dense = schema["soft_labels"] or config["label_format"] == "dense"
    names = manifest["class_names"]
    return Records(
        name=manifest["name"],
        passes=tuple(map(tuple, passes)),
        examples=manifest["source"]["examples"],
        shape=tuple(manifest["shape"]),
        num_classes=manifest["num_classes"],
        class_names=None if names is None else tuple(names),
        encoding="vector" if vector else "encoded" if config["image_format"] == "png" else "raw",
        label_kind="soft" if dense else "compact",
        input_key="features" if vector else "image",
        label_key="label",
    )


def source_records(config: SourceConfig) -> Records:
    """A split of a source as it is, unmixed.

    Raises UsageError or SourceError as `open_source` does, and SourceError for a mixture of compressed and plain files.
    """
    source = open_source(config)
    spec, paths = source.spec, [Path(file.path) for file in source.files]
    try:
        shape = _first_shape(paths, ExampleReader(spec))
        compressed = [is_compressed(path) for path in paths if path.stat().st_size]
        if any(compressed):
            raise SourceError(
                f"{paths[0]}: is compressed: decompress it for training, or mix it and train on the shards"
            )
        examples = sum(
            sum(1 for _ in walk(path, path.name)) if file.declared_records is None else file.declared_records
            for file, path in zip(source.files, paths, strict=True)
        )
    except OSError as error:
        raise SourceError(f"{error.filename}: cannot be read ({error.strerror or error})") from error
    return Records(
        name=source.name,
        passes=(tuple(map(str, paths)),),
        examples=examples,
        shape=shape,
        num_classes=spec.num_classes,
        class_names=source.class_names,
        encoding=spec.encoding,
        label_kind="soft" if spec.soft_labels else "class",
        input_key=spec.input_key,
        label_key=spec.label_key,
        first_class=spec.first_class,
    )


def _first_shape(paths: list[Path], reader: ExampleReader) -> Shape:
    """The shape of the first example of all."""
    for path in paths:
        payload = first_payload(path, path.name)
        if payload:
            try:
                return reader.shape(reader.input_bytes(parse(payload)))
            except ValueError as error:
                raise SourceError(f"{path.name}: record 0: {error}") from error
    raise SourceError(f"{paths[0]}: the source holds no record")


def fitting(records: Records, other: Records) -> dict[str, tuple[Any, Any]]:
    """In what two datasets differ that must be alike for a model of one to be evaluated on the other."""
    pairs: dict[str, tuple[Any, Any]] = {
        "shape": (records.shape, other.shape),
        "number of classes": (records.num_classes, other.num_classes),
    }
    names = zip(records.class_names or (), other.class_names or (), strict=False)
    pairs |= {f"name of class {class_id}": pair for class_id, pair in enumerate(names)}
    return {what: pair for what, pair in pairs.items() if pair[0] != pair[1]}


def check_apart(trained_on: Iterable[str], evaluation: Records) -> None:
    """Refuse to evaluate on files that are trained on, whatever path leads to them.

    Raises UsageError naming the first.
    """
    files = {Path(path).resolve() for path in trained_on}
    shared = sorted(path for path in evaluation.passes[0] if Path(path).resolve() in files)
    if shared:
        raise UsageError(
            f"the evaluation examples hold {shared[0]}, which is trained on: choose others with --eval-split or "
            f"--eval-src"
        )


def mixed_files(manifest: Manifest, paths: Iterable[str]) -> list[str]:
    """Those of some files that were mixed: a manifest knows its source by names and fingerprints, not by paths.

    Folders for training and for testing often hold files of the same names, so that a name alone says nothing.
    """
    schema, config = manifest["source"]["schema"], MixConfig(**manifest["config"])
    spec = ExampleSpec(**{**schema, "shape": tuple(schema["shape"])})
    mixed = {(file["name"], file["fingerprint"]) for file in manifest["source"]["files"]}
    names = {name for name, _ in mixed}

    def is_mixed(path: Path) -> bool:
        try:
            _, found = scan_file(SourceFile(position=0, name=path.name, path=str(path)), path, spec, config)
        except SourceError:
            return False  # mixing would have refused it
        return (path.name, found.fingerprint) in mixed

    return [path for path in paths if Path(path).name in names and is_mixed(Path(path))]

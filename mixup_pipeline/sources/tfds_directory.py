"""The directory that a TFDS name or a path means: prepared already, or downloaded by TFDS.

Names are resolved as TFDS does from files: `name`, `name/config`, each with `:version` or `/version`; without a version
the newest, without a config the one that the dataset's own metadata call the default.
"""

import logging
import os
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.process.children import kept_alive, python_command
from mixup_pipeline.sources.endings import table_ending
from mixup_pipeline.sources.tfds_features import FEATURES_NAME
from mixup_pipeline.sources.tfds_info import INFO_NAME
from mixup_pipeline.storage.places import ObjectPath, Place, place
from mixup_pipeline.storage.small_file import read_json

BUNDLED = "mnist_sample"

_NAME = re.compile(r"[a-z]\w*([/:][\w.+-]+)*", re.IGNORECASE)
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_RECORD_FILE = re.compile(r"\.(tfrecords?|tfrec|records?|gz|zlib)\b[^/]*$", re.IGNORECASE)
_METADATA = ".config/metadata.json"
_DOWNLOAD = "from mixup_pipeline.sources.download import main; sys.exit(main(*sys.argv[1:]))"
_SHOWN = 12


def tfds_directory(config: SourceConfig) -> Place:
    """The directory of a dataset that is given by its path or TFDS name. It is downloaded if it is not prepared yet.

    Raises UsageError or SourceError that says where it was expected.
    """
    found = prepared_directory(config)
    if found is not None:
        return found
    path = place(config.src)
    if path.is_dir():
        found = _prepared(path, None)
        if found is None:
            raise _no_dataset(config.src, path)
        return found
    if path.exists():
        raise UsageError(f"--src {config.src}: is neither a regular file nor a folder")
    if not _NAME.fullmatch(config.src) or _seems_a_path(config.src, path):
        raise UsageError(f"--src {config.src}: no such file or folder{_beside(path)}")
    return _download(config)


def pinned_src(config: SourceConfig, folder: Place) -> str:
    """The source with the config and the version that were found, so that a newer one does not take their place."""
    if not _NAME.fullmatch(config.src) or prepared_directory(config) is None:
        path = place(config.src)
        if isinstance(path, ObjectPath) or isinstance(folder, ObjectPath):
            return str(folder)
        below = folder.relative_to(path)
        return config.src if below == Path() else f"{config.src.rstrip('/')}/{below}"
    if not _VERSION.fullmatch(folder.name):
        return config.src
    parts = _without_version(config.src)
    if len(parts) == 1 and folder.parent.name != parts[0]:  # the default config
        parts.append(folder.parent.name)
    return f"{'/'.join(parts)}:{folder.name}"


def prepared_directory(config: SourceConfig) -> Place | None:
    """The directory in which the dataset is prepared; None if it is not prepared, or src is not a TFDS name."""
    if not _NAME.fullmatch(config.src):
        return None
    version, parts = _version(config.src), _without_version(config.src)
    folders = (_prepared(root.joinpath(*parts), version) for root in data_dirs(config))
    return next((folder for folder in folders if folder is not None), None)


def data_dirs(config: SourceConfig) -> list[Place]:
    """The directories that are searched for prepared datasets, in this order."""
    chosen = config.data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    return [place(chosen), Path(str(resources.files("mixup_pipeline") / "data"))]


def is_prepared(folder: Place) -> bool:
    """Whether a folder holds a dataset, or some of its versions or configs, or what is left of one."""
    if _prepared(folder, None) is not None or (folder / INFO_NAME).is_file():
        return True
    below = (path for path in folder.iterdir() if path.is_dir())
    return any((path / INFO_NAME).is_file() or _prepared(path, None) is not None for path in below)


def _without_version(name: str) -> list[str]:
    parts = re.split("[/:]", name)
    return parts[:-1] if len(parts) > 1 and _VERSION.fullmatch(parts[-1]) else parts


def _version(name: str) -> str | None:
    last = re.split("[/:]", name)[-1]
    return last if _VERSION.fullmatch(last) else None


def _prepared(folder: Place, version: str | None) -> Place | None:
    """The dataset in this folder, in a folder of a version below it (the given version, or the newest), or in that of
    its default config.
    """
    if version is None and (folder / FEATURES_NAME).is_file():
        return folder
    if not folder.is_dir():
        return None
    versions = _versions(folder)
    if version is not None:
        found = next((path for path in versions if path.name == version), None)
    else:
        found = max(versions, key=lambda path: [int(part) for part in path.name.split(".")], default=None)
    default = None if found is not None else _default_config(folder)
    return found if default is None else _prepared(folder / default, version)


def _versions(folder: Place) -> list[Place]:
    return [path for path in folder.iterdir() if _VERSION.fullmatch(path.name) and (path / FEATURES_NAME).is_file()]


def _default_config(folder: Place) -> str | None:
    """The name of the config that the dataset's metadata call the default."""
    path = folder / _METADATA
    if not path.is_file():
        return None
    try:
        name = read_json(path).get("default_config_name")
    except (ValueError, AttributeError, OSError) as error:
        raise SourceError(f"{path}: cannot be read as TFDS writes it ({type(error).__name__}: {error})") from error
    return name if isinstance(name, str) and re.fullmatch(r"[\w.+-]+", name) and name not in (".", "..") else None


def _no_dataset(src: str, folder: Place) -> UsageError:
    """What a folder holds in place of a dataset, and what to give instead."""
    below = sorted(path.name for path in folder.iterdir() if path.is_dir())
    configs = [name for name in below if _prepared(folder / name, None) is not None]
    if configs:
        listed = ", ".join(configs[:_SHOWN])
        return UsageError(
            f"--src {src}: holds {len(configs)} datasets or configs ({listed}): choose one, such as --src "
            f"{src.rstrip('/')}/{configs[0]}"
        )
    half = next((path for path in (folder, *(folder / name for name in below)) if (path / INFO_NAME).is_file()), None)
    if half is not None:
        return UsageError(
            f"--src {src}: {half / FEATURES_NAME} is missing, which TFDS 4 writes beside {INFO_NAME}: prepare the "
            f"dataset again, or describe its files with --schema"
        )
    within = (path for name in below[:_SHOWN] for path in (folder / name).iterdir())
    table = next((path for path in within if table_ending(path.name)), None)
    if table is not None:
        return UsageError(
            f"--src {src}: holds tables in folders below: give one of these, such as --src {src.rstrip('/')}/"
            f"{table.parent.name}, or a pattern for its files"
        )
    ending = next((found for path in folder.iterdir() if (found := table_ending(path.name))), None)
    kind, pattern = ("TFRecord files", "*.tfrecord*") if ending is None else ("tables", f"*{ending}")
    return UsageError(
        f"--src {src}: no TFDS dataset in this folder (no {FEATURES_NAME}): for {kind} give a pattern such as "
        f"'{src.rstrip('/')}/{pattern}'; images need one folder a class, or a metadata.csv whose "
        f"column file_name names them"
    )


def _seems_a_path(src: str, path: Place) -> bool:
    """Whether a name that TFDS might know was rather meant as a path: of a record file, or in a folder that exists."""
    if isinstance(path, ObjectPath) or _RECORD_FILE.search(src):
        return True
    return "/" in src and path.parent.is_dir() and _version(src) is None


def _beside(path: Place) -> str:
    """What there is in place of a file that is not there, as text."""
    folder = next((parent for parent in [path.parent] if isinstance(parent, Path) and parent.is_dir()), None)
    names = sorted(entry.name for entry in folder.iterdir() if entry.name[0] != ".") if folder else []
    return f"; {folder} has {', '.join(names[:_SHOWN])}{' …' if len(names) > _SHOWN else ''}" if names else ""


def _download(config: SourceConfig) -> Place:
    """Let TFDS prepare the dataset, in a separate process because that imports TensorFlow."""
    data_dir = data_dirs(config)[0]
    if isinstance(data_dir, ObjectPath):
        raise UsageError(
            f"--src {config.src}: is not prepared in {data_dir}: prepare it there, or name another --data-dir"
        )
    where = data_dir.joinpath(*_without_version(config.src))
    logging.getLogger(__name__).warning("%s is not prepared in %s: asking TFDS to download it", config.src, data_dir)
    version = _version(config.src)
    name = "/".join(_without_version(config.src)) + (f":{version}" if version else "")
    stderr = None if sys.stderr.isatty() else subprocess.PIPE
    command = python_command(_DOWNLOAD, name, str(data_dir))
    with kept_alive() as stdin:
        done = subprocess.run(command, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, text=True, check=False)
    answer = (
        done.stdout.strip().splitlines()[-1:]
        or (done.stderr or "").strip().splitlines()[-1:]
        or ["it ended without a message"]
    )
    found = _prepared(where, version)
    if done.returncode == 0 and found is not None:
        return found
    raise SourceError(
        f"--src {config.src}: {answer[0]}; it was expected in {where}"
        f"{_there(data_dir / _without_version(config.src)[0])}: put a prepared copy there, name its parent with "
        f"--data-dir, or try --src {BUNDLED}, which is bundled"
    )


def _there(folder: Path) -> str:
    """The versions and configs that a dataset's folder has, as text."""
    names = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    names = [name for name in names if _prepared(folder / name, None) is not None]
    return f" ({folder} has {', '.join(names[:_SHOWN])})" if names else ""

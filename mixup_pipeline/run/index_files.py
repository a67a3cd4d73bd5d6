"""IndexFile: the entries of one source file, stored in the work folder, or found there from an earlier run."""

from mixup_pipeline.config import MixConfig
from mixup_pipeline.errors import SourceError
from mixup_pipeline.records.framing import decompress, is_compressed
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources.index import IndexedFile
from mixup_pipeline.sources.scan import scan_file
from mixup_pipeline.sources.source import SourceFile
from mixup_pipeline.spec import ExampleSpec
from mixup_pipeline.storage.atomic import FULL_DISK, output_error, publish, stamp
from mixup_pipeline.storage.places import Place, place


def index_file(file: SourceFile, spec: ExampleSpec, config: MixConfig, work: WorkFolder) -> IndexedFile:
    """Index one file into the work folder, or reuse the index that a stopped run left there.

    Raises RecordError for the first bad record (unless they are skipped), and SourceError for a file that cannot be
    read or holds another number of records than its dataset declares.
    """
    path = place(file.path)
    try:
        found = stamp(path)
        known = work.load_index(file.position, found)
        if known is not None and place(known.path).exists():
            return known
        if is_compressed(path):
            path = _spooled(path, file, work)
        entries, indexed = scan_file(file, path, spec, config)
    except OSError as error:
        raise SourceError(f"{file.path}: cannot be read ({error.strerror or error})") from error
    work.save_index(file.position, entries, indexed, found)
    return indexed


def _spooled(path: Place, file: SourceFile, work: WorkFolder) -> Place:
    """An uncompressed copy of a compressed source file, in the work folder."""
    spool = work.spool(file.position)
    partial = work.new_partial(spool.name)
    try:
        decompress(path, file.name, partial)
        publish(partial, spool, durable=False)
    except OSError as error:
        if error.errno in FULL_DISK:
            raise output_error(spool, error) from error
        raise
    finally:
        partial.unlink(missing_ok=True)
    return spool

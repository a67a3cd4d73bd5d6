"""IndexFile: store the entries of one source file in the work folder, or reuse those of an earlier run."""

from dataclasses import replace

from mixup_pipeline.config import MixConfig
from mixup_pipeline.errors import SourceError
from mixup_pipeline.records.framing import decompress, is_compressed
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources.index import IndexedFile
from mixup_pipeline.sources.scan import scan_file
from mixup_pipeline.sources.source import SourceFile
from mixup_pipeline.spec import ExampleSpec
from mixup_pipeline.storage.atomic import FULL_DISK, output_error, publish
from mixup_pipeline.storage.checksum import Checksum
from mixup_pipeline.storage.places import Place, place
from mixup_pipeline.storage.stamps import stamp
from mixup_pipeline.storage.unfinished import discard


def index_file(
    file: SourceFile, spec: ExampleSpec, config: MixConfig, work: WorkFolder, *, count_only: bool = False
) -> IndexedFile:
    """Index one file into the work folder, or reuse the index that a stopped run left there.

    count_only: as `scan_file` has it, for a plan that is not carried out.

    Raises RecordError for the first bad record, unless bad records are skipped. Raises SourceError if the file cannot
    be read, or does not hold the number of records that its dataset declares.
    """
    path = place(file.path)
    try:
        current = stamp(path)
        earlier = work.load_index(file.position, current)
        if earlier is not None:
            return earlier
        spool = None
        if is_compressed(path):
            path = _decompressed(path, file, work)
            spool = Checksum.of_file(path)
        scanned = scan_file(file, path, spec, config, count_only=count_only)
    except OSError as error:
        raise SourceError(f"{file.path}: cannot be read ({error.strerror or error})") from error
    scanned = replace(scanned, file=replace(scanned.file, stamp=current))
    work.save_index(scanned, file.position, spool)
    return scanned.file


def _decompressed(path: Place, file: SourceFile, work: WorkFolder) -> Place:
    """Decompress a source file into the work folder, and return the copy."""
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
        discard(partial)
    return spool

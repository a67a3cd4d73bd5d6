"""IndexFile: store the entries of one source file in the work folder, or reuse those of an earlier run."""

from dataclasses import replace

from mixup_pipeline.config import MixConfig
from mixup_pipeline.errors import SourceError
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources.file_formats import format_of
from mixup_pipeline.sources.index import IndexedFile
from mixup_pipeline.sources.scan import scan_file
from mixup_pipeline.sources.source import SourceFile
from mixup_pipeline.spec import ExampleSpec
from mixup_pipeline.storage.atomic import FULL_DISK, output_error, publish
from mixup_pipeline.storage.checksum import Checksum
from mixup_pipeline.storage.places import Place, place
from mixup_pipeline.storage.unfinished import discard


def index_file(
    file: SourceFile, spec: ExampleSpec, config: MixConfig, work: WorkFolder, *, count_only: bool = False
) -> IndexedFile:
    """Index one file into the work folder, or reuse the index that a stopped run left there.

    count_only: as `scan_file` has it, for a plan that is not carried out.

    Raises RecordError for the first bad record, unless bad records are skipped. Raises SourceError if the file cannot
    be read, or does not hold the number of records that its dataset declares.
    """
    plain, file_format = file, format_of(file)
    try:
        path = place(file.path)
        current = file_format.stamp(path)
        earlier = work.load_index(file.position, current)
        if earlier is not None:
            return earlier
        spool = None
        if file_format.needs_conversion(path):
            path = _converted(file, spec, work)
            plain = replace(file, path=str(path), format=file_format.converted_to)
            spool = Checksum.of_file(path)
        scanned = scan_file(plain, spec, config, count_only=count_only)
    except OSError as error:
        raise SourceError(f"{file.path}: cannot be read ({error.strerror or error})") from error
    scanned = replace(scanned, file=replace(scanned.file, stamp=current))
    work.save_index(scanned, file.position, spool)
    return scanned.file


def _converted(file: SourceFile, spec: ExampleSpec, work: WorkFolder) -> Place:
    """Convert a source file into the work folder, and return what was written."""
    spool = work.spool(file.position)
    partial = work.new_partial(spool.name)
    try:
        format_of(file).convert(file, spec, partial)
        publish(partial, spool, durable=False)
    except OSError as error:
        if error.errno in FULL_DISK:
            raise output_error(spool, error) from error
        raise
    finally:
        discard(partial)
    return spool

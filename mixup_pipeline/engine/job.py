"""The job of a run: submitted to an engine, followed to its end, and stopped with the command that waits for it."""

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineState

from mixup_pipeline.engine.checks import explain
from mixup_pipeline.engine.flink import Cluster
from mixup_pipeline.engine.graph import build_pipeline
from mixup_pipeline.errors import EngineError, error_in_text
from mixup_pipeline.storage.places import Place

_LOGGER = logging.getLogger(__name__)
_SECONDS_BETWEEN_LOOKS = 1.0

OnState = Callable[[str, str], None]
"""Called with the id of a job and its state, whenever that has changed."""


def run_job(
    out: Place, options: PipelineOptions, *, wait: bool = True, on_state: OnState | None = None
) -> dict[str, int]:
    """Run what the work folder of `out` asks for, and give the job's counters; none where it is not waited for.

    Raises the MixupError that a worker raised, wherever it ran, and EngineError where the engine failed. An interrupt
    cancels the job.
    """
    pipeline = beam.Pipeline(options=options)
    build_pipeline(pipeline, out, tidy=not wait)
    result = None
    try:
        with _interrupts_kept():
            result = pipeline.run()
        if not wait:
            _begun(result, options)
            _tell(result, on_state)
            return {}
        with _followed(result, on_state):
            state = _waited_for(result)
    except KeyboardInterrupt:
        if result is not None:
            _cancel(result, options)
        raise
    except Exception as failure:
        text = f"{type(failure).__module__}.{type(failure).__name__}: {failure}"
        error = error_in_text(text) or explain(text, options)
        if error is None:
            raise
        raise error from failure
    if state not in (None, PipelineState.DONE):
        raise EngineError(f"the job ended as {state}: finished shards are kept: run the same command again")
    try:
        counters = result.metrics().query()["counters"]
    except Exception as failure:  # the run is done, whether an engine can tell its counters or not
        _LOGGER.debug("The engine gives no counters: %s", failure)
        return {}
    return {counter.key.metric.name: counter.committed or 0 for counter in counters}


@contextlib.contextmanager
def _interrupts_kept() -> Iterator[None]:
    """Keep the handler of Ctrl-C. Beam puts one in its place that ends its job server at once, and waits for ever where
    a second Ctrl-C comes meanwhile; the exit functions end the server in any case.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)


def _waited_for(result: Any) -> Any:
    """The last state of a job. A thread of its own waits: where an interrupt breaks Beam off, it first ends its job
    server, and in those seconds the job would go on.
    """
    ended: Future[Any] = Future()

    def wait() -> None:
        try:
            ended.set_result(result.wait_until_finish())
        except Exception as failure:  # for the main thread
            ended.set_exception(failure)

    threading.Thread(target=wait, daemon=True).start()
    return ended.result()


def _job_id(result: Any) -> str:
    """What the engine calls the job; empty for the local one, which has no name for it, and where none was begun."""
    if not getattr(result, "has_job", True):  # Dataflow was only to write a template
        return ""
    found = result.job_id() if callable(getattr(result, "job_id", None)) else getattr(result, "_job_id", "")
    return str(found)


def _begun(result: Any, options: PipelineOptions) -> None:
    """Wait until the job does without this process."""
    cluster = Cluster.of(options)
    if cluster is not None:
        cluster.begin(_job_id(result))


def _cancel(result: Any, options: PipelineOptions) -> None:
    """Cancel the job, whatever the engine answers: the user wants to leave."""
    cluster = Cluster.of(options)
    if cluster is not None:
        with contextlib.suppress(EngineError):
            cluster.cancel(_job_id(result))
    with contextlib.suppress(Exception):
        result.cancel()


def _tell(result: Any, on_state: OnState | None) -> None:
    """Tell the state once."""
    if on_state is not None and _job_id(result):
        on_state(_job_id(result), str(result.state))


@contextlib.contextmanager
def _followed(result: Any, on_state: OnState | None) -> Iterator[None]:
    """Tell each state of the job as long as the context lasts, the last one too."""
    if on_state is None or not _job_id(result):
        yield
        return
    done = threading.Event()

    def follow() -> None:
        told = ""
        while True:
            last = done.wait(_SECONDS_BETWEEN_LOOKS if told else 0)
            with contextlib.suppress(Exception):  # an engine that is gone has no state to tell
                state = str(result.state)
                if state != told:
                    told = state
                    on_state(_job_id(result), state)
            if last:
                return

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(5)

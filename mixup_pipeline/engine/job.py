"""One job on an engine: submit the graph, report its states, wait for its end, cancel it on Ctrl-C."""

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import DebugOptions, DirectOptions, PipelineOptions
from apache_beam.runners.runner import PipelineRunner, PipelineState

from mixup_pipeline.engine.checks import explain_failure, is_local
from mixup_pipeline.engine.flink import Cluster
from mixup_pipeline.engine.graph import build_pipeline
from mixup_pipeline.engine.workers import local_runner
from mixup_pipeline.errors import EngineError, error_in_text
from mixup_pipeline.storage.places import Place

_LOGGER = logging.getLogger(__name__)
_POLL_SECONDS = 1.0
_NO_PIP = "disable_logging_submission_environment"
"""Otherwise Beam may run `python -m pip freeze`, which looks for pip in the current folder first."""

OnState = Callable[[str, str], None]
"""Called with the id and the state of a job whenever the state has changed."""


def run_job(
    out: Place, options: PipelineOptions, *, wait: bool = True, on_state: OnState | None = None
) -> dict[str, int]:
    """Run the request in the work folder of `out`. Returns the job's counters by name.

    wait: wait for the end of the job. If not, return once the job has started, without counters.

    Raises the MixupError that a worker raised, and EngineError where the engine failed. Ctrl-C cancels the job.
    """
    pipeline = beam.Pipeline(runner=_runner(options), options=options)
    Path(pipeline.local_tempdir).rmdir()  # for transforms of other languages, of which we have none; Beam forgets it
    options.view_as(DebugOptions).add_experiment(_NO_PIP)
    build_pipeline(pipeline, out, tidy=not wait)
    result = None
    try:
        with _own_interrupt_handler():
            result = pipeline.run()
        if not wait:
            _wait_until_started(result, options)
            _report_state(result, on_state)
            return {}
        with _reported_states(result, on_state):
            state = _final_state(result)
    except KeyboardInterrupt:
        if result is not None:
            _cancel(result, options)
        raise
    except Exception as failure:
        text = f"{type(failure).__module__}.{type(failure).__name__}: {failure}"
        error = error_in_text(text) or explain_failure(text, options)
        if error is None:
            raise
        raise error from failure
    if state not in (None, PipelineState.DONE):
        raise EngineError(f"the job ended as {state}: finished shards are kept: run the same command again")
    try:
        counters = result.metrics().query()["counters"]
    except Exception as failure:  # the run is done, even if the engine cannot tell its counters
        _LOGGER.debug("The engine tells no counters: %s", failure)
        return {}
    return {counter.key.metric.name: counter.committed or 0 for counter in counters}


def _runner(options: PipelineOptions) -> PipelineRunner | None:
    """Our runner where the local engine uses processes; None leaves the choice to Beam."""
    direct = options.view_as(DirectOptions)
    if not is_local(options) or direct.direct_running_mode != "multi_processing":
        return None
    direct.direct_running_mode = "in_memory"  # otherwise Beam puts its own processes in their place
    return local_runner()


@contextlib.contextmanager
def _own_interrupt_handler() -> Iterator[None]:
    """Restore our handler of Ctrl-C after Beam has replaced it.

    Beam's handler ends its job server at once, and waits forever if a second Ctrl-C comes meanwhile. The server's exit
    function ends it in any case.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)


def _final_state(result: Any) -> Any:
    """Wait for the end of a job, and return its last state.

    Another thread waits. If Ctrl-C interrupted Beam itself, Beam would end its job server first, and the job would run
    on for those seconds.
    """
    ended: Future[Any] = Future()

    def wait() -> None:
        try:
            ended.set_result(result.wait_until_finish())
        except Exception as failure:  # raised again in the main thread
            ended.set_exception(failure)

    threading.Thread(target=wait, daemon=True).start()
    return ended.result()


def _job_id(result: Any) -> str:
    """The engine's id of the job; empty on the local engine, which has none, and where no job was started."""
    if not getattr(result, "has_job", True):  # Dataflow only wrote a template
        return ""
    found = result.job_id() if callable(getattr(result, "job_id", None)) else getattr(result, "_job_id", "")
    return str(found)


def _wait_until_started(result: Any, options: PipelineOptions) -> None:
    """Wait until the job no longer needs this process."""
    cluster = Cluster.of(options)
    if cluster is not None:
        cluster.wait_until_started(_job_id(result))


def _cancel(result: Any, options: PipelineOptions) -> None:
    """Cancel the job. Errors of the engine are ignored, because the user wants to leave."""
    cluster = Cluster.of(options)
    if cluster is not None:
        with contextlib.suppress(EngineError):
            cluster.cancel(_job_id(result))
    with contextlib.suppress(Exception):
        result.cancel()


def _report_state(result: Any, on_state: OnState | None) -> None:
    """Report the state of the job once."""
    if on_state is not None and _job_id(result):
        on_state(_job_id(result), str(result.state))


@contextlib.contextmanager
def _reported_states(result: Any, on_state: OnState | None) -> Iterator[None]:
    """Report each new state of the job while the context lasts, and the last one at its end."""
    if on_state is None or not _job_id(result):
        yield
        return
    done = threading.Event()

    def report() -> None:
        reported = ""
        while True:
            last = done.wait(_POLL_SECONDS if reported else 0)
            with contextlib.suppress(Exception):  # an engine that is gone has no state
                state = str(result.state)
                if state != reported:
                    reported = state
                    on_state(_job_id(result), state)
            if last:
                return

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(5)

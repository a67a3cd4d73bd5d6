"""A Flink cluster by its REST interface: is one there, how is our job, cancel it.

Beam's job server only hands a job over. It neither waits until the cluster has begun it, nor cancels it there.
"""

import http.client
import json
import time
import urllib.parse
import urllib.request
from typing import Any

from apache_beam.options.pipeline_options import FlinkRunnerOptions, PipelineOptions

from mixup_pipeline.errors import EngineError, first_line

EMBEDDED = ("[local]", "[auto]")
_ANSWER_SECONDS = 10.0
_BEGIN_SECONDS = 120.0
_BEGUN = ("RUNNING", "FINISHED", "FAILED", "CANCELED")


class Cluster:
    """The cluster of `--flink_master`.

    Every method raises EngineError where no Flink answers.
    """

    def __init__(self, master: str) -> None:
        self._master = master
        self._url = master if "://" in master else f"http://{master}"

    @classmethod
    def of(cls, options: PipelineOptions) -> "Cluster | None":
        """None where Flink runs inside the job server."""
        master = options.view_as(FlinkRunnerOptions).flink_master or EMBEDDED[0]
        return None if master in EMBEDDED else cls(master)

    @property
    def host(self) -> str:
        """The machine of its REST interface."""
        return urllib.parse.urlsplit(self._url).hostname or ""

    def check(self) -> None:
        """See that a Flink is there."""
        if "flink-version" not in self._ask("overview"):
            raise self._error("what answers there is no Flink")

    def begin(self, beam_job: str) -> str:
        """Wait until the cluster has begun a job that Beam calls so, and give the cluster's id of it."""
        deadline = time.monotonic() + _BEGIN_SECONDS
        while time.monotonic() < deadline:
            job = self._find(beam_job)
            if job is not None and job["state"] in _BEGUN:
                return str(job["jid"])
            time.sleep(0.5)
        raise EngineError(
            f"--flink_master={self._master}: has not begun the job within {_BEGIN_SECONDS:g} seconds: look at its "
            f"dashboard for free slots, then run the same command again"
        )

    def cancel(self, beam_job: str) -> None:
        """Cancel the job, if the cluster knows it."""
        job = self._find(beam_job)
        if job is not None:
            self._ask(f"jobs/{job['jid']}?mode=cancel", "PATCH")

    def _find(self, beam_job: str) -> dict[str, Any] | None:
        name = beam_job.partition("_")[0]  # then follows a key that Flink is not told
        return next((job for job in self._ask("jobs/overview").get("jobs", ()) if job["name"] == name), None)

    def _ask(self, what: str, method: str = "GET") -> dict[str, Any]:
        request = urllib.request.Request(f"{self._url}/{what}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:
                return dict(json.load(answer))
        except (ValueError, TypeError, http.client.HTTPException) as error:
            raise self._error("what answers there is no Flink") from error
        except OSError as error:
            reason = first_line(Exception(getattr(error, "reason", error)))
            raise self._error(f"no Flink answers there ({reason})") from error

    def _error(self, what: str) -> EngineError:
        return EngineError(
            f"--flink_master={self._master}: {what}: start the cluster, or name the address of its REST interface"
        )

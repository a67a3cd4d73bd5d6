"""The REST interface of a Flink cluster: is it there, has our job started, cancel our job.

Beam's job server only submits a job. It neither waits until the cluster has started it, nor cancels it there.
"""

import http.client
import json
import time
import urllib.parse
import urllib.request
from typing import Any

from apache_beam.options.pipeline_options import FlinkRunnerOptions, PipelineOptions

from mixup_pipeline.errors import EngineError, UsageError, first_line

EMBEDDED = ("[local]", "[auto]")
_TIMEOUT_SECONDS = 10.0
_START_SECONDS = 120.0
_STARTED_STATES = ("RUNNING", "FINISHED", "FAILED", "CANCELED")


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
        """The host name of its REST interface."""
        return urllib.parse.urlsplit(self._url).hostname or ""

    def check(self) -> None:
        """Check that Flink answers there. Raises UsageError for what is no address."""
        try:
            address = urllib.parse.urlsplit(self._url)
            usable = bool(address.hostname) and address.port != 0
        except ValueError:  # a port that is no number or too large, or half an IPv6 address
            usable = False
        if not usable:
            raise UsageError(
                f"Beam options after '--': --flink_master must be {', '.join(EMBEDDED)} or HOST:PORT with a port from "
                f"1 to 65,535, got {self._master!r}"
            )
        if "flink-version" not in self._request("overview"):
            raise self._error("what answers there is not Flink")

    def wait_until_started(self, beam_job: str) -> str:
        """Wait until the cluster has started a job. Takes Beam's id of the job, returns the cluster's."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            job = self._find(beam_job)
            if job is not None and job["state"] in _STARTED_STATES:
                return str(job["jid"])
            time.sleep(0.5)
        raise EngineError(
            f"--flink_master={self._master}: has not started the job within {_START_SECONDS:g} seconds: look at its "
            f"dashboard for free slots, then run the same command again"
        )

    def cancel(self, beam_job: str) -> None:
        """Cancel the job, if the cluster knows it."""
        job = self._find(beam_job)
        if job is not None:
            self._request(f"jobs/{job['jid']}?mode=cancel", "PATCH")

    def _find(self, beam_job: str) -> dict[str, Any] | None:
        name = beam_job.partition("_")[0]  # Beam adds a key after this, which Flink does not know
        return next((job for job in self._request("jobs/overview").get("jobs", ()) if job["name"] == name), None)

    def _request(self, path: str, method: str = "GET") -> dict[str, Any]:
        request = urllib.request.Request(f"{self._url}/{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
                return dict(json.load(answer))
        except (ValueError, TypeError, http.client.HTTPException) as error:
            raise self._error("what answers there is not Flink") from error
        except OSError as error:
            cause = first_line(Exception(getattr(error, "reason", error)))
            raise self._error(f"no Flink answers there ({cause})") from error

    def _error(self, reason: str) -> EngineError:
        return EngineError(
            f"--flink_master={self._master}: {reason}: start the cluster, or name the address of its REST interface"
        )

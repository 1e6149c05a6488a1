"""Figures about the service in Prometheus's text format."""

import os
import time
from collections.abc import Iterator, Mapping
from typing import get_args

from cameo3d.app.server.children import resident_bytes
from cameo3d.app.server.jobs import Kind, State
from cameo3d.app.server.service import Service


def exposition(service: Service) -> str:
    """All figures, as /v1/metrics shows them."""
    queue, states = service.queue, service.queue.states
    lines = [
        *_metric("jobs", "gauge", "Jobs by state.", {f'state="{s}"': states[s] for s in get_args(State)}),
        *_metric(
            *("jobs_ended_total", "counter", "Jobs that ended, by kind and state."),
            {f'kind="{kind}",state="{state}"': count for (kind, state), count in queue.ended.items()},
        ),
        *_metric(
            *("job_seconds_total", "counter", "Seconds that jobs ran, by kind."),
            {f'kind="{kind}"': queue.seconds[kind] for kind in get_args(Kind)},
        ),
        *_metric(
            *("workers_lost_total", "counter", "Workers that died or were killed, by reason."),
            {f'reason="{reason}"': queue.killed[reason] for reason in ("crash", "memory", "time")},
        ),
        *_metric("worker_bytes", "gauge", "Memory of the busy workers.", {"": queue.worker_bytes}),
        *_metric("server_bytes", "gauge", "Memory of the server.", {"": resident_bytes(os.getpid())}),
        *_metric("data_bytes", "gauge", "Size of the data folder.", {"": queue.disk_bytes}),
        *_metric(
            *("answers_total", "counter", "Answers by status."),
            {f'status="{status}"': count for status, count in sorted(service.answers.items())},
        ),
        *_metric("uptime_seconds", "gauge", "Since the start.", {"": time.monotonic() - service.began}),
    ]
    return "\n".join(lines) + "\n"


def _metric(name: str, kind: str, told: str, values: Mapping[str, float | int]) -> Iterator[str]:
    yield f"# HELP cameo3d_{name} {told}"
    yield f"# TYPE cameo3d_{name} {kind}"
    for labels, value in values.items():
        yield f"cameo3d_{name}{f'{{{labels}}}' if labels else ''} {value:g}"

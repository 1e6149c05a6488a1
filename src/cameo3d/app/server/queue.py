"""The queue: jobs wait, run in worker processes that may be killed at any time, and end."""

import asyncio
import logging
import os
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from cameo3d.app.server.children import Child, ChildGone
from cameo3d.app.server.failures import Refusal
from cameo3d.app.server.jobs import Job, Kind, State, load_jobs, new_folder
from cameo3d.app.server.settings import Limits
from cameo3d.app.server.worker import Perform, work

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.25
"""How often a running worker's memory and time are looked at."""
_IDLE_SECONDS = 60.0
"""A worker without work gives its memory back after that."""
_JOBS_PER_WORKER = 100
AVATAR = "avatar.avatar"
"""Name of the avatar that a job begins with, in its folder."""
_MOST_ATTEMPTS = 2
"""A job that was running when the service stopped is run once more, no more."""


class Queue:
    """All jobs, and the workers that carry them out."""

    def __init__(self, folder: Path, workers: int, limits: Limits, perform: Perform) -> None:
        self.folder, self._limits, self._perform = folder, limits, perform
        self._jobs: dict[str, Job] = {}
        self._waiting: list[Job] = []
        self._children: dict[str, Child] = {}
        """Of the jobs that run."""
        # Avatars are made for somebody who waits; a lane of their own lets them pass the long jobs.
        self._lanes: tuple[Kind | None, ...] = (None,) * workers + ("avatar",)
        self._tasks: list[asyncio.Task] = []
        self._changed = asyncio.Condition()
        self.disk_bytes = 0
        """What the data folder held when it was last looked at."""
        self.ended: Counter[tuple[Kind, State]] = Counter()
        """Jobs that ended, since the service began."""
        self.seconds: defaultdict[Kind, float] = defaultdict(float)
        """Seconds that they ran."""
        self.killed: Counter[str] = Counter()
        """Workers that were killed or died, by the reason."""

    async def start(self) -> None:
        """Take over what an earlier run left, and begin to work."""
        for job in load_jobs(self.folder):
            self._jobs[job.id] = job
            if job.ended:
                job.tidy()
                continue
            again = job.attempts < _MOST_ATTEMPTS
            job.state, job.progress, job.seconds_left = ("queued" if again else "failed"), 0.0, None
            if again:
                self._waiting.append(job)
            else:
                job.error = "The service stopped twice while this job ran, so it was given up; send it again."
                job.tidy()
            job.save()
        self._tasks = [asyncio.create_task(self._serve(lane)) for lane in self._lanes]
        self._tasks.append(asyncio.create_task(self._forget()))

    async def stop(self) -> None:
        """Kill the workers. Jobs that ran are run again by the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def states(self) -> Counter[State]:
        """How many jobs there are in each state."""
        return Counter(job.state for job in self._jobs.values())

    @property
    def worker_bytes(self) -> int:
        """Memory that the busy workers take."""
        return sum(child.resident_bytes() for child in self._children.values())

    def check_room(self, client: str) -> None:
        """Refuse a client whose job there is no room for, before its files are read.

        Raises:
            Refusal: If the queue or the disk is full, or the client has too many jobs in the queue.
        """
        later = {"retry-after": "10"}
        if self.disk_bytes > self._limits.disk_gib * 2**30:
            raise Refusal(507, "The service's disk is full; delete jobs, or try again later.", later)
        if len(self._waiting) >= self._limits.queue:
            raise Refusal(429, f"The queue is full ({self._limits.queue} jobs wait); try again later.", later)
        own = sum(job.client == client and not job.ended for job in self._jobs.values())
        if own >= self._limits.jobs_per_client:
            raise Refusal(429, f"You have {own} jobs in the queue already; wait until one ends.", later)

    def new_folder(self) -> Path:
        """A folder for a job; whoever does not submit it removes it."""
        return new_folder(self.folder)

    async def submit(self, job: Job) -> Job:
        """Put a job into the queue.

        Raises:
            Refusal: If there is no room, or no avatar of the id that it begins with.
        """
        self.check_room(job.client)
        if job.avatar is not None:
            avatar = self.get(job.avatar)
            if avatar.kind != "avatar":
                raise Refusal(422, "That id is not an avatar's; send one of POST /v1/avatars.")
            if avatar.ended:
                self._begin_with(job, avatar)
        job.save()
        self._jobs[job.id] = job
        self._waiting.append(job)
        await self._tell()
        return job

    def get(self, name: str) -> Job:
        """The job of an id.

        Raises:
            Refusal: If there is none.
        """
        job = self._jobs.get(name)
        if job is None:
            raise Refusal(404, "There is no job of this id; it was never there, or was removed.")
        job.used = time.time()
        return job

    async def remove(self, job: Job) -> None:
        """Cancel a job that has not ended, at once; forget one that has."""
        if job.ended:
            del self._jobs[job.id]
            shutil.rmtree(job.folder, ignore_errors=True)
            return
        await self._finish(job, "cancelled", None)
        if job in self._waiting:
            self._waiting.remove(job)
        if child := self._children.get(job.id):
            await child.kill()

    async def changes(self, job: Job, every: float = 15.0) -> AsyncIterator[None]:
        """Yield now, whenever the job has changed, and every so many seconds, until it has ended."""
        while True:
            seen = _view(job)
            yield
            if job.ended:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(every), self._changed:
                    await self._changed.wait_for(lambda: _view(job) != seen)  # noqa: B023

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _finish(self, job: Job, state: State, error: str | None) -> None:
        if job.ended:
            return
        job.state, job.error, job.seconds_left = state, error, None
        job.progress = 1.0 if state == "done" else job.progress
        job.result = job.result if state == "done" else None
        self.ended[job.kind, state] += 1
        if job.folder.exists():
            job.tidy()
            job.save()
        await self._tell()

    def _next(self, lane: Kind | None) -> Job | None:
        """The job to run: of the client with the fewest that run, the oldest."""
        running = Counter(job.client for job in self._jobs.values() if job.state == "running")
        fitting = [job for job in self._waiting if lane in (None, job.kind) and self._can_run(job)]
        return min(fitting, key=lambda job: (job.kind != "avatar", running[job.client]), default=None)

    def _begin_with(self, job: Job, avatar: Job) -> None:
        """Give a job the avatar that it begins with.

        Raises:
            Refusal: If that could not be made.
        """
        if avatar.result_path is None:
            raise Refusal(422, avatar.error or "That avatar was cancelled; make another.")
        os.link(avatar.result_path, job.folder / AVATAR)
        job.avatar, job.task["avatar"] = None, AVATAR

    def _can_run(self, job: Job) -> bool:
        avatar = self._jobs.get(job.avatar or "")
        return avatar is None or avatar.ended

    async def _serve(self, lane: Kind | None) -> None:
        """Run one job after the other, in a process that is started when it is needed."""
        child, count = None, 0
        try:
            if lane is None:
                child = await self._started(child)  # loads libraries before the first job comes
            while True:
                job = self._next(lane)
                if job is None:
                    try:
                        async with asyncio.timeout(_IDLE_SECONDS if child else None), self._changed:
                            await self._changed.wait_for(lambda: self._next(lane) is not None)
                    except TimeoutError:
                        child = await _ended(child)
                    continue
                self._waiting.remove(job)
                job.state, job.attempts = "running", job.attempts + 1
                try:
                    if job.avatar is not None:
                        self._begin_with(job, self.get(job.avatar))
                except Refusal as refusal:
                    await self._finish(job, "failed", refusal.sentence)
                    continue
                job.save()
                await self._tell()
                child, count = await self._started(child), count + 1
                if not await self._run(job, child) or count % _JOBS_PER_WORKER == 0:
                    child = await _ended(child)
        finally:
            await _ended(child)

    async def _started(self, child: Child | None) -> Child:
        limit = int(self._limits.memory_gib * 2**30)
        return child or await Child.start(work, self._perform, limit)

    async def _run(self, job: Job, child: Child) -> bool:
        """Run a job; returns whether the worker can be used again."""
        if job.ended:
            return True  # cancelled while the worker started
        self._children[job.id] = child
        began = time.monotonic()
        watch = asyncio.create_task(self._watch(job, child, began))
        try:
            await child.send_json(job.task)
            while "error" not in (message := await child.receive_json()):
                job.progress = max(0.0, min(1.0, float(message["progress"])))
                spent = time.monotonic() - began
                job.seconds_left = spent / job.progress * (1 - job.progress) if job.progress > 0.02 else None
                await self._tell()
            job.notices = message.get("notices", [])
            await self._finish(job, "failed" if message["error"] else "done", message["error"])
            return True
        except ChildGone as gone:
            if not job.ended:
                self.killed["crash"] += 1
                logger.error("The worker of job %s ended with %s.", job.id, gone)
                await self._finish(job, "failed", "The process of this job crashed; check its files.")
            return False
        finally:
            watch.cancel()
            self.seconds[job.kind] += time.monotonic() - began
            del self._children[job.id]

    async def _watch(self, job: Job, child: Child, began: float) -> None:
        limits = self._limits
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if time.monotonic() - began > limits.run_seconds:
                reason, sentence = (
                    "time",
                    f"The job ran for {limits.run_seconds:g} s, which is the most; send less.",
                )
            elif child.resident_bytes() > limits.memory_gib * 2**30:
                reason = "memory"
                sentence = f"The job took more than the {limits.memory_gib:g} GiB of memory that it may."
            else:
                continue
            self.killed[reason] += 1
            await self._finish(job, "failed", sentence)
            await child.kill()
            return

    async def _forget(self) -> None:
        """Remove what nobody has asked for in a long time."""
        while True:
            oldest = time.time() - 3600 * self._limits.keep_hours
            for job in [job for job in self._jobs.values() if job.ended and job.used < oldest]:
                await self.remove(job)
            self.disk_bytes = await asyncio.to_thread(_size_of, self.folder.parent)
            await asyncio.sleep(15.0)


def _size_of(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return total


def _view(job: Job) -> tuple:
    return job.state, job.progress


async def _ended(child: Child | None) -> None:
    if child is not None:
        await child.kill()

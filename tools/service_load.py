"""Put the service under load: 200 requests by 20 clients, 60 hostile ones, kill -9 of worker and server.

    python tools/service_load.py

Starts `cameo3d serve` on a free port, in a temporary folder, and prints the table of docs/service.md.
"""

import argparse
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any

import requests

import cameo3d

TOKEN = "load-test"
AUTH = {"authorization": f"Bearer {TOKEN}"}
PHOTO = Path(str(files("skimage") / "data" / "astronaut.png"))
MOTION = Path(str(files("cameo3d") / "assets" / "demo_motion.csv"))


class Server:
    """The service as a process that can be killed and started again on the same port and data."""

    def __init__(self, data: Path) -> None:
        self.data, self.port = data, 0
        self.start()

    def start(self) -> None:
        command = [str(Path(sys.executable).with_name("cameo3d")), "serve", "--port", str(self.port)]
        command += ["--token", TOKEN, "--data", str(self.data), "--upload-grace-seconds", "3"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        self.port = int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def family(self) -> list[int]:
        """Process ids: the server, then all that came of it."""
        found, pending = [], [self.process.pid]
        while pending:
            pid = pending.pop()
            found.append(pid)
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                pending += [int(child) for child in task.read_text().split()]
        return found

    def workers(self) -> list[int]:
        return [pid for pid in self.family()[1:] if resident(pid) > 100e6]


def resident(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0.0


def persistent(call: Callable[[], requests.Response]) -> requests.Response:
    """Call again while the server is away, or says that it is full."""
    for _ in range(600):
        try:
            answer = call()
            if answer.status_code != 429:
                return answer
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):  # cut off in the middle
            pass
        time.sleep(0.5)
    raise TimeoutError("The service did not come back.")


def client(server: Server, number: int, count: int, motion: bytes, log: list[dict]) -> None:
    """One avatar, then animations of it; checks every result."""
    session = requests.Session()
    session.headers.update(AUTH)

    def post(path: str, **form) -> str | None:
        """The id; None, and a line in the log, if the job that it rests on was killed."""
        answer = persistent(lambda: session.post(f"{server.url}/v1/{path}", timeout=300, **form))
        if answer.status_code not in (201, 202):
            log.append({"kind": path, "state": "refused", "error": answer.text})
            return None
        return answer.json()["id"]

    def new_avatar() -> str:
        while (made := post("avatars", files={"photo": PHOTO.read_bytes()})) is None:
            pass
        return made

    began = time.monotonic()
    avatar = new_avatar()
    log.append({"kind": "avatar", "seconds": time.monotonic() - began, "state": "done"})
    for take in range(count):
        began = time.monotonic()
        options = json.dumps({"background": f"#{number:02x}{take:02x}80"})
        form = {"files": {"motion": motion}, "data": {"avatar": avatar, "options": options}}
        while (job := post("animations", **form)) is None:
            avatar = form["data"]["avatar"] = new_avatar()
        while True:
            seen = persistent(lambda: session.get(f"{server.url}/v1/jobs/{job}", timeout=60)).json()
            if seen.get("state") not in ("queued", "running"):
                break
            time.sleep(0.2)
        result = persistent(lambda: session.get(f"{server.url}/v1/jobs/{job}/result", timeout=60))
        whole = result.status_code == 200 and result.content[4:8] == b"ftyp" and b"moov" in result.content
        log.append(
            {
                "kind": "animation",
                "seconds": time.monotonic() - began,
                "state": seen.get("state", f"lost: {seen}"),
                "error": seen.get("error"),
                "whole": whole,
            }
        )
        if seen.get("state") == "done":
            persistent(lambda: session.delete(f"{server.url}/v1/jobs/{job}", timeout=60))


def bomb() -> bytes:
    """A PNG of 30000x30000 pixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = (30000).to_bytes(4, "big") * 2 + b"\1\0\0\0\0"
    rows = zlib.compress(bytes(3751 * 30000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def hostile(server: Server, kind: str, motion: bytes) -> str:
    """One hostile request; returns what came of it."""
    url, photo = f"{server.url}/v1", PHOTO.read_bytes()

    def post(path: str = "animations", **request: Any) -> str:
        request.setdefault("headers", AUTH)
        answer = persistent(lambda: requests.post(f"{url}/{path}", timeout=120, **request))
        if answer.status_code not in (201, 202):
            return str(answer.status_code) if list(answer.json()) == ["error"] else "no sentence"
        job = answer.json()["id"]
        while True:
            seen = persistent(lambda: requests.get(f"{url}/jobs/{job}", headers=AUTH, timeout=60)).json()
            if seen["state"] not in ("queued", "running"):
                return f"{seen['state']}: {seen['error']}" if seen["error"] else seen["state"]
            time.sleep(0.2)

    def raw(*pieces: bytes, pause: float = 0.0) -> str:
        try:
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(pause)
                return (
                    re.sub(r"HTTP/1.1 (\d+).*", r"\1", connection.recv(100).decode(), flags=re.S) or "closed"
                )
        except OSError:
            return "closed"

    head = f"POST /v1/animations HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
    form = b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 99999\r\n\r\n--x\r\n"
    match kind:
        case "traversal":
            files_ = {"photo": ("../../../../tmp/evil.png", photo), "motion": ("/etc/passwd", motion)}
            job = post(files=files_, data={"options": '{"pose": "/etc/passwd"}'})
            path = requests.get(f"{url}/jobs/..%2f..%2flock", headers=AUTH, timeout=60).status_code
            return f"{job}, {path}"
        case "pixel bomb":
            return post("avatars", files={"photo": bomb()})
        case "wrong type":
            return post(files={"photo": motion, "motion": photo})
        case "truncated":
            return post(files={"photo": photo[: len(photo) // 3], "motion": motion})
        case "broken film":
            film = b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + random.Random(1).randbytes(200_000)
            return post("track", files={"video": film})
        case "slow":
            return raw(head + form, *[b"a"] * 3, pause=2.0)
        case "silent":
            return raw(b"GET /v1/health HT")
        case "cut off":
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.sendall(head + form)
            return "gone"
        case "cancelled":
            answer = requests.post(
                f"{url}/animations",
                files={"photo": photo, "motion": MOTION.read_bytes()},
                headers=AUTH,
                timeout=120,
            )
            job = answer.json()["id"]
            return requests.delete(f"{url}/jobs/{job}", headers=AUTH, timeout=60).json()["state"]
        case "huge JSON":
            return post(files={"photo": photo, "motion": motion}, data={"options": "[" * 900_000})
        case "too large":
            return raw(head + b"Content-Length: 99999999999\r\n\r\n")
        case _:
            return post(files={"photo": photo, "motion": motion}, headers={"authorization": "Bearer wrong"})


HOSTILE = (
    *("traversal", "pixel bomb", "wrong type", "truncated", "broken film", "slow"),
    *("silent", "cut off", "cancelled", "huge JSON", "too large", "bad token"),
)


def attack(server: Server, kind: str, motion: bytes, seen: Counter) -> None:
    for _ in range(10):  # again if the server was killed meanwhile
        try:
            seen[kind, hostile(server, kind, motion)] += 1
            return
        except (requests.RequestException, ConnectionError):
            time.sleep(1.0)
    seen[kind, "unanswered"] += 1


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--hostile", type=int, default=60)
    parser.add_argument("--frames", type=int, default=2, help="frames of each animation")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        short = Path(folder) / "motion.csv"
        cameo3d.Motion.load(MOTION).part(0, options.frames).save(short)
        motion, server = short.read_bytes(), Server(Path(folder) / "data")
        each = options.requests // options.clients - 1
        log: list[dict] = []
        client(server, 99, 1, motion, [])  # loads everything once
        before = resident(server.process.pid)
        seen: Counter = Counter()
        began, most = time.monotonic(), 0.0
        with ThreadPoolExecutor(options.clients + 8) as pool:
            jobs = [pool.submit(client, server, n, each, motion, log) for n in range(options.clients)]
            attacks = [HOSTILE[n % len(HOSTILE)] for n in range(options.hostile)]
            jobs += [pool.submit(attack, server, kind, motion, seen) for kind in attacks]
            done = threading.Event()
            threading.Thread(
                target=lambda: ([job.exception() for job in jobs], done.set()), daemon=True
            ).start()
            killed = []
            while not done.wait(0.5):
                print(f"{len(log)} answered, {sum(seen.values())} hostile", end="\r", file=sys.stderr)
                most = max(most, sum(map(resident, server.family())))
                if not killed and len(log) > options.requests // 4 and (workers := server.workers()):
                    os.kill(workers[-1], signal.SIGKILL)
                    killed.append("worker")
                if len(killed) == 1 and len(log) > options.requests // 2:
                    server.kill()
                    killed.append("server")
                    time.sleep(1.0)
                    server.start()
            for job in jobs:
                job.result()
        seconds = time.monotonic() - began
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and server.workers():
            time.sleep(1.0)  # idle workers give their memory back
        metrics = requests.get(f"{server.url}/v1/metrics", headers=AUTH, timeout=60).text
        stuck = sum(int(n) for n in re.findall(r'jobs\{state="(?:queued|running)"\} (\d+)', metrics))
        data = Path(folder) / "data"
        known = {"job.json", "result.mp4", "result.avatar", "result.csv"}
        half = [path for path in data.glob("jobs/*/*") if path.name not in known] + list(
            data.glob("uploads/tmp*")
        )
        times = sorted(one["seconds"] for one in log if one["kind"] == "animation")
        states = Counter(one["state"] for one in log)
        print(f"| requests by {options.clients} clients | {len(log)} |")
        print(f"| of them done | {states['done']} |")
        for one in log:
            if one["state"] != "done":
                print(f"| ended otherwise | {one['state']}: {one.get('error')} |")
        print(f"| whole results | {sum(one.get('whole', False) for one in log)} of {len(times)} |")
        print(f"| killed with kill -9 | {', '.join(killed)} |")
        print(f"| seconds in all | {seconds:.0f} |")
        print(f"| animation, median / slowest | {times[len(times) // 2]:.1f} / {times[-1]:.1f} s |")
        print(f"| jobs stuck | {stuck} |")
        print(f"| half files | {len(half)} {[path.name for path in half][:5]} |")
        after = resident(server.process.pid)
        print(f"| server's memory before / after | {before / 1e6:.0f} / {after / 1e6:.0f} MB |")
        print(f"| most memory of all processes, shared pages counted for each | {most / 1e9:.2f} GB |")
        print(f"| processes after a minute of rest | {len(server.family())} |")
        for (kind, outcome), count in sorted(seen.items()):
            print(f"| {kind} | {count} x {outcome} |")
        server.process.terminate()
        server.process.wait()


if __name__ == "__main__":
    main()

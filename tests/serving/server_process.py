"""A `keras-serve` process, and requests to it.

Nothing here waits for ever: a server that does not answer, say what it should, or end is a test
that has failed. The limits are no measure of speed: no machine is so busy that it needs them.
"""

import contextlib
import ctypes
import http.client
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUARD_SECONDS = 300.0
"""For anything that is waited for."""
_PR_SET_PDEATHSIG = 1


def wait_until(is_so):
    """Looks again and again until it is so."""
    end = time.monotonic() + GUARD_SECONDS
    while not is_so():
        assert time.monotonic() < end, "it never came to be so"
        time.sleep(0.01)


class Server:
    """Starts when it is made, on any free ports, and is ready then.

    Attributes:
        lines: all that it has written to stderr. A thread reads it: a server that is not read would
            once stand still.
    """

    def __init__(self, *arguments, open_files=None, within=()):
        """Starts `keras-serve` with these arguments, as what the command `within` runs."""

        def prepare():
            # It does not outlive the tests, whatever ends them.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if open_files is not None:  # soft and hard limit
                resource.setrlimit(resource.RLIMIT_NOFILE, open_files)

        self.process = subprocess.Popen(
            [
                *within,
                sys.executable,
                "-m",
                "serving",
                "--rest-port",
                "0",
                "--grpc-port",
                "0",
                *map(str, arguments),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=prepare,
        )
        self.lines = []
        self._waited_for, self._has_ended = 0, False
        self._said = threading.Condition()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        self.port = int(self.wait_for(r"REST on \S+:(\d+)")[1])
        self.grpc_port = int(self.wait_for(r"gRPC on \S+:(\d+)")[1])
        self.wait_for("keras-serve: ready")

    def _read(self):
        for line in self.process.stderr:
            with self._said:
                self.lines.append(line)
                self._said.notify()
        with self._said:
            self._has_ended = True
            self._said.notify()

    def wait_for(self, pattern):
        """Goes on through what the server says until a line of it matches."""
        while (line := self._next_line()) is not None:
            if found := re.search(pattern, line):
                return found
        return self._fail(f"did not say {pattern!r}")

    def _next_line(self):
        """Returns the first line that nobody has waited for; None where none comes."""
        with self._said:
            self._said.wait_for(
                lambda: self._has_ended or self._waited_for < len(self.lines), GUARD_SECONDS
            )
            line = next(iter(self.lines[self._waited_for :]), None)
            self._waited_for += line is not None
            return line

    def request(self, method, path, body=None, headers=()):
        """Returns status, headers and body."""
        connection = self.http()
        with contextlib.closing(connection):
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def get(self, path):
        """Returns status and JSON."""
        status, _, body = self.request("GET", path)
        return status, json.loads(body)

    def post(self, path, content, **headers):
        """Sends JSON, or a text as it is; returns status and JSON."""
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        status, _, body = self.request("POST", path, text, headers.items())
        return status, json.loads(body)

    def http(self):
        """Returns a client that opens a connection and keeps it."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=GUARD_SECONDS)

    def connect(self):
        """Opens a connection."""
        return socket.create_connection(("127.0.0.1", self.port), GUARD_SECONDS)

    def raw(self, content, *, ends=True):
        """Sends bytes on a connection of their own, and returns all that is answered."""
        with self.connect() as connection:
            connection.sendall(content)
            if ends:
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def until(self, path, is_there):
        """Asks again and again until the answer is as wanted, and returns it."""
        end = time.monotonic() + GUARD_SECONDS
        while True:
            status, content = self.get(path)
            if is_there(status, content):
                return content
            if time.monotonic() > end:
                self._fail(f"still answers {content} to {path}")
            time.sleep(0.01)

    def workers(self):
        """The process numbers of all processes below the server, innermost last."""
        found, wanted = [], [self.process.pid]
        while wanted:
            parent = wanted.pop(0)
            for task in Path(f"/proc/{parent}/task").iterdir():
                children = (task / "children").read_text().split()
                found += map(int, children)
                wanted += map(int, children)
        return found

    def stop(self):
        """Sends SIGTERM and returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self):
        """Returns the exit code once the server and all its processes have ended."""
        self._reading.join(GUARD_SECONDS)  # the last of them closes its end
        if self._reading.is_alive():
            self._fail("did not end")
        code = self.process.wait(GUARD_SECONDS)
        assert "Traceback" not in "".join(self.lines), "".join(self.lines)
        return code

    def kill(self):
        """Ends it at once, with all its processes, if it has not ended yet."""
        for number in [*self.workers(), self.process.pid] if self.process.poll() is None else []:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        self.process.wait()
        self._reading.join(GUARD_SECONDS)
        if not self._reading.is_alive():
            self.process.stderr.close()

    def _fail(self, what):
        said = "".join(self.lines)
        self.kill()
        raise AssertionError(f"the server {what}; its code is {self.process.returncode}:\n{said}")

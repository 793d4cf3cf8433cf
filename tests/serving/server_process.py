"""A `keras-serve` process, and requests to it."""

import contextlib
import http.client
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Server:
    """Starts when it is made, on any free ports, and is ready then."""

    def __init__(self, *arguments, most_files=None):
        def limit_files():
            if most_files is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))

        self.process = subprocess.Popen(
            [
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
            preexec_fn=limit_files,
        )
        self.lines = []
        self.port = int(self.wait_for(r"REST on \S+:(\d+)")[1])
        self.grpc_port = int(self.wait_for(r"gRPC on \S+:(\d+)")[1])
        self.wait_for("keras-serve: ready")

    def wait_for(self, pattern):
        """Reads what the server says until a line of it matches."""
        for line in self.process.stderr:
            self.lines.append(line)
            found = re.search(pattern, line)
            if found:
                return found
        raise AssertionError(f"the server ended without {pattern!r}:\n{''.join(self.lines)}")

    def request(self, method, path, body=None, headers=()):
        """Returns status, headers and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
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

    def connect(self):
        """Opens a connection."""
        return socket.create_connection(("127.0.0.1", self.port))

    def raw(self, content, *, ends=True):
        """Sends bytes on a connection of their own, and returns all that is answered."""
        with self.connect() as connection:
            connection.sendall(content)
            if ends:
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def until(self, path, is_there):
        """Asks again and again until the answer is as wanted, and returns it."""
        while True:
            status, content = self.get(path)
            if is_there(status, content):
                return content

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
        self.process.stderr.read()
        return self.process.wait()

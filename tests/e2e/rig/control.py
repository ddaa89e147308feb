"""The control API over its Unix socket, as an app would use it."""

import collections
import http.client
import json
import os
import socket
from pathlib import Path
from urllib.parse import quote


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:500]!r}"


recorded = collections.Counter()
LONGEST, MOST_ALIKE = 200_000, 20


def record(method, target, answer):
    """Keeps the exchange, if a folder is named for it, to be checked against the API's description afterwards."""
    folder = os.environ.get("MJWATCHD_EXCHANGES")
    kind = answer.headers.get("content-type", "")
    if not folder or len(answer.body) > LONGEST:
        return
    path = target.split("?")[0].split("/")
    alike = (method, answer.status, kind, *path[:3], len(path), path[-1] if len(path) > 4 else "")
    recorded[alike] += 1
    if recorded[alike] > MOST_ALIKE:
        return
    body = "" if kind.startswith(("image/", "video/")) else answer.body.decode("utf-8", "replace")
    Path(folder).mkdir(parents=True, exist_ok=True)
    with open(Path(folder) / f"{os.getpid()}.ndjson", "a", encoding="utf-8") as out:
        out.write(json.dumps({"method": method, "target": target, "status": answer.status, "type": kind,
                              "body": body}) + "\n")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Control:
    """One connection for each call; safe to use from many threads. OSError when nobody answers."""

    def __init__(self, path, timeout=60):
        self.path = path
        self.timeout = timeout

    def call(self, method, target, body=None, headers=None):
        connection = UnixConnection(self.path, self.timeout)
        try:
            if body is not None and not isinstance(body, (bytes, str)):
                body = json.dumps(body)
            sent = {"content-type": "application/json"} if body is not None else {}
            connection.request(method, target, body, {**sent, **(headers or {})})
            answer = connection.getresponse()
            made = Answer(answer.status, answer.headers, answer.read())
            record(method, target, made)
            return made
        except http.client.HTTPException as error:
            raise ConnectionError(f"{method} {target}: {error!r}") from error
        finally:
            connection.close()

    def get(self, target):
        return self.call("GET", target)

    def need(self, method, target, body=None):
        answer = self.call(method, target, body)
        if answer.status >= 300:
            raise AssertionError(f"{method} {target}: {answer}")
        return answer.json()

    def register(self, task, body=None):
        return self.call("PUT", "/v1/tasks/" + quote(task, safe=""), body if body is not None else {})

    def task(self, task):
        return self.need("GET", "/v1/tasks/" + quote(task, safe=""))

    def pages(self, target, key):
        """Every row of a list, page by page."""
        rows, cursor = [], ""
        while True:
            page = self.need("GET", target + ("&" if "?" in target else "?") + "limit=1000" + cursor)
            rows += page[key]
            if not page.get("next_cursor") or not page[key]:
                return rows
            cursor = "&cursor=" + quote(str(page["next_cursor"]), safe="")

    def tasks(self):
        return self.pages("/v1/tasks", "tasks")

    def deliveries(self, query=""):
        return self.pages("/v1/deliveries" + query, "deliveries")

    def raw(self, data, timeout=10, until=None):
        """Sends bytes as they are, ends the sending side, and answers all that comes back, or what came by the time
        it holds `until`."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(str(self.path))
            try:
                connection.sendall(data)
                if until is None:
                    connection.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it may answer and close before it has read everything
            pieces = []
            try:
                while piece := connection.recv(65536):
                    pieces.append(piece)
                    if until is not None and until in b"".join(pieces):
                        break
            except ConnectionResetError:
                pass
            return b"".join(pieces)

"""mjwatch-gateway, the stand-in, steered by its own control calls."""

import http.client
import json
import re
from urllib.parse import urlsplit

from rig.program import Program, wait_until


class Gateway:
    def __init__(self, folder, *options, token="tok-7f3a9c1e5b"):
        self.token = token
        words = ["mjwatch-gateway", "--port", "0", "--token", token, *options]
        log = folder / f"gateway{len(list(folder.glob('gateway*.log'))) or ''}.log"
        self.program = Program(words, log)
        found = wait_until(lambda: re.search(r"listening on (http://\S+)", self.program.output()) or
                           not self.program.running(), 20, "mjwatch-gateway listens")
        if found is True:
            raise AssertionError("mjwatch-gateway ended: " + self.program.output())
        self.url = found[1]

    def call(self, method, path, body=None, headers=None):
        target = urlsplit(self.url)
        connection = http.client.HTTPConnection(target.hostname, target.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def steer(self, name, body):
        status, text = self.call("POST", "/_/" + name, json.dumps(body))
        if status != 200:
            raise AssertionError(f"/_/{name}: {status} {text!r}")
        return json.loads(text)

    def make(self, task, **wish):
        """A task that is submitted now: duration, ending, action, pictures, seed, prompt."""
        return self.steer("task", {"id": task, **wish})["id"]

    def misbehave(self, how):
        self.steer("misbehave", {"misbehave": how})

    def stats(self):
        return json.loads(self.call("GET", "/_/stats")[1])

    def download(self, url):
        """A picture, by its link or by the gateway's own way to it, which needs the token."""
        target = urlsplit(url)
        headers = {} if "/cdn/" in target.path else {"authorization": "Bearer " + self.token}
        status, body = self.call("GET", target.path + "?" + target.query, None, headers)
        if status != 200:
            raise AssertionError(f"GET {url}: {status}")
        return body

"""A receiver of webhooks that no code of mjwatchd is part of."""

import base64
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Arrival:
    """One request, whatever it was answered with."""

    def __init__(self, path, headers, body, verified):
        self.at = time.time()
        self.path = path
        self.headers = headers
        self.body = body
        self.verified = verified
        self.webhook_id = headers.get("webhook-id", "")

    def json(self):
        return json.loads(self.body)


def new_secret(random):
    """whsec_… of 32 bytes drawn from a seeded generator."""
    return "whsec_" + base64.b64encode(random.randbytes(32)).decode()


def verify(secrets, headers, body):
    """As the Standard Webhooks specification says, written from it."""
    moment = headers.get("webhook-timestamp", "")
    if not moment.isdigit() or abs(time.time() - int(moment)) > 300:
        return False
    signed = f"{headers.get('webhook-id', '')}.{moment}.".encode() + body
    given = headers.get("webhook-signature", "").split()
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        ours = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        if any(hmac.compare_digest(ours, theirs) for theirs in given):
            return True
    return False


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120

    def do_POST(self):
        receiver = self.server.receiver
        length = int(self.headers.get("content-length", -1))
        body = self.rfile.read(max(length, 0))
        if len(body) != length:  # its sender was killed in the middle of it
            self.close_connection = True
            return
        arrival = Arrival(self.path, self.headers, body, None)
        arrival.verified = verify(receiver.secrets.get(self.path, []), self.headers, body)
        with receiver.working:
            # Remembered when it comes, not when it is answered: its sender may be killed in between, and
            # what the next one sends must not seem to have come before.
            with receiver.lock:
                receiver.arrivals.append(arrival)
            reply = receiver.decide(arrival)
            if reply is None:  # hang up without a word
                self.close_connection = True
                return
            status, headers = reply if isinstance(reply, tuple) else (reply, {})
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("content-length", "0")
            self.end_headers()

    def log_message(self, *_):
        pass


class Working:
    """Counts the requests that came and are not answered."""

    def __init__(self):
        self.count = 0
        self.lock = threading.Lock()

    def __enter__(self):
        with self.lock:
            self.count += 1

    def __exit__(self, *_):
        with self.lock:
            self.count -= 1


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass  # a sender that was killed leaves broken connections; that is what the tests are about


class Receiver:
    """`secrets` is by path. `decide` takes an Arrival and answers a status, (status, headers), or None
    to hang up; it runs on the connection's thread and may take its time."""

    def __init__(self, secrets, decide=None):
        self.secrets = secrets
        self.decide = decide or (lambda arrival: 204 if arrival.verified else 401)
        self.lock = threading.Lock()
        self.working = Working()
        self.arrivals = []
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.receiver = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def taken(self, path=None):
        with self.lock:
            return [arrival for arrival in self.arrivals if path is None or arrival.path == path]

    def close(self):
        self.server.shutdown()
        self.server.server_close()

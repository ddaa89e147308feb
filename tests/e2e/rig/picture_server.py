"""Where picture links lead, when a test wants to decide how each is answered."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        try:
            self.server.answer(self)
        except OSError:
            pass  # the other side went away
        self.close_connection = True

    do_POST = do_GET  # of a gateway that it stands before

    def begin(self, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Connection", "close")
        self.end_headers()

    def send(self, data, of=None, **headers):
        """The whole of a body, of which `of` bytes are announced."""
        self.begin(**{"Content_Length": len(data) if of is None else of, **headers})
        self.wfile.write(data)

    def pause(self):
        """Long enough that the other side has done with what came so far, mostly."""
        self.wfile.flush()
        time.sleep(0.05)

    def log_message(self, *words):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass  # one side hung up


class PictureServer:
    """`answer(handler)` runs on a thread for each request; it may be replaced at any time."""

    def __init__(self, answer):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.asked = []
        self.answer = answer
        self.server.answer = lambda handler: self.answer(handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def asked(self):
        """(path, headers) of each request so far."""
        return list(self.server.asked)

    def serve(self, daemon, gateway):
        """The gateway's links lead here instead."""
        daemon.config["gateways"]["gw"]["rewrite_urls"] = {gateway.url + "/mj/cdn": self.url}
        daemon.config["images"]["allow"] = ["127.0.0.0/8"]

    def close(self):
        self.server.shutdown()
        self.server.server_close()

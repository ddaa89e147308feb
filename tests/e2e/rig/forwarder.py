"""Another address for a server: whatever connects to it is passed on, so that the origin is another one."""

import socket
import socketserver
import threading
import time


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        with socket.create_connection(self.server.target) as onward:
            back = threading.Thread(target=pour, args=(onward, self.request, self.server, self.server.hold), daemon=True)
            back.start()
            pour(self.request, onward, self.server, heard=self.server.heard)
            back.join()


def pour(source, sink, server, hold=None, heard=None):
    """Until the source ends; then the sink's end is told, too."""
    passed = 0
    try:
        while piece := source.recv(1 << 16):
            if heard:
                heard(piece)
            if server.delay:
                time.sleep(server.delay)
            sink.sendall(piece)
            passed += len(piece)
            if hold and passed > hold[0]:
                hold[1].wait()
    except OSError:
        pass
    for side, how in ((sink, socket.SHUT_WR), (source, socket.SHUT_RD)):
        try:
            side.shutdown(how)
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass  # one side hung up


class Forwarder:
    def __init__(self, host, port, at="127.0.0.1", heard=None):
        """`heard` is called with each piece of what comes in."""
        self.server = Server((at, 0), Handler)
        self.server.target = (host, port)
        self.server.hold, self.server.heard, self.server.delay = None, heard, 0
        self.port = self.server.server_address[1]
        self.url = f"http://{at}:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def hold_after(self, size, until):
        """From now on no answer goes on after so many bytes before that event."""
        self.server.hold = (size, until)

    def slow_down(self, seconds):
        """Each piece takes so much longer, there and back."""
        self.server.delay = seconds

    def close(self):
        self.server.shutdown()
        self.server.server_close()

"""Another address for a server: whatever connects to it is passed on, so that the origin is another one."""

import socket
import socketserver
import threading


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        with socket.create_connection(self.server.target) as onward:
            back = threading.Thread(target=pour, args=(onward, self.request, self.server.hold), daemon=True)
            back.start()
            pour(self.request, onward)
            back.join()


def pour(source, sink, hold=None):
    """Until the source ends; then the sink's end is told, too."""
    passed = 0
    try:
        while piece := source.recv(1 << 16):
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
    def __init__(self, host, port):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.target = (host, port)
        self.server.hold = None
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def hold_after(self, size, until):
        """From now on no answer goes on after so many bytes before that event."""
        self.server.hold = (size, until)

    def close(self):
        self.server.shutdown()
        self.server.server_close()

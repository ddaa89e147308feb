"""Another address for a server: whatever connects to it is passed on, so that the origin is another one."""

import socket
import socketserver
import threading


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        with socket.create_connection(self.server.target) as onward:
            back = threading.Thread(target=pour, args=(onward, self.request), daemon=True)
            back.start()
            pour(self.request, onward)
            back.join()


def pour(source, sink):
    """Until the source ends; then the sink's end is told, too."""
    try:
        while piece := source.recv(1 << 18):
            sink.sendall(piece)
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
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

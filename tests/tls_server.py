"""Servers of TLS for tests of interception: python3 tls_server.py READY PORT CERTIFICATE KEY [CLIENT_CA].

Each request of HTTP/1.1 is answered with what was asked, and by whom, as lines; and the connection is kept.
What came is also written to READY.log, as it came. /echo sends it back; /big answers with 8 MiB; /die breaks off in the middle of its answer;
/pause sends what came back in two chunks, the second when there is a file READY.go.
With CLIENT_CA a client has to show a certificate of it, whose name is told.
"""

import http.server
import os
import ssl
import sys
import time

ready, port, certificate, key = sys.argv[1:5]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        size = int(self.headers.get("Content-Length", 0))
        sent = self.rfile.read(size)
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                sent += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        came = f"{self.command} {self.path}\n{self.headers}".encode() + sent + b"\n"
        with open(ready + ".log", "ab") as log:
            log.write(came)
        if self.path == "/die":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"x" * 1000)
            self.wfile.flush()
            self.connection.close()
            self.close_connection = True
            return
        if self.path == "/pause":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            half = len(came) // 2
            for part in (came[:half], came[half:], b""):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()
                while part and not os.path.exists(ready + ".go"):
                    time.sleep(0.02)
            return
        peer = self.connection.getpeercert() or {}
        names = [value for part in peer.get("subject", ()) for key, value in part if key == "commonName"]
        answer = (
            f"{self.command} {self.path}\nhost {self.headers['Host']}\nsni {self.server.asked}\n"
            f"tls {self.connection.version()}\nclient {' '.join(names)}\nbody {len(sent)}\n"
        ).encode()
        if self.path.startswith("/echo"):
            answer = came
        if self.path == "/big":
            answer = b"0123456789abcdef" * (1 << 19)
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PUT = do_PATCH = do_GET

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    asked = None
    request_queue_size = 512
    daemon_threads = True

    def handle_error(self, *_):
        pass


server = Server(("", int(port)), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
if len(sys.argv) > 5:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(sys.argv[5])


def name_asked(_socket, name, _context):
    server.asked = name


context.sni_callback = name_asked
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
with open(ready, "w"):
    pass
server.serve_forever()

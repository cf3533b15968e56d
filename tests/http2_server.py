"""A server of HTTP/2 over TLS for tests: python3 http2_server.py READY PORT CERTIFICATE KEY.

What came is written to READY.log: the fields of each request as lines, and its body. /echo sends that back, /trailers the
body and a trailer, /count the body's size; /die breaks off in the middle of its answer.
"""

import socket
import ssl
import sys
import threading

import h2.config
import h2.connection
import h2.events

ready, port, certificate, key = sys.argv[1:5]


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.requests = {}
        self.answers = {}  # what could not be sent yet

    def run(self):
        self.h2.initiate_connection()
        self.flush()
        while data := self.sock.recv(65536):
            for event in self.h2.receive_data(data):
                self.take(event)
            for stream in list(self.answers):
                self.send(stream)
            self.flush()

    def flush(self):
        self.sock.sendall(self.h2.data_to_send())

    def take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.requests[event.stream_id] = (event.headers, bytearray())
        elif isinstance(event, h2.events.DataReceived):
            self.requests[event.stream_id][1].extend(event.data)
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.answers.pop(event.stream_id, None)
        elif isinstance(event, h2.events.StreamEnded):
            self.answer(event.stream_id, *self.requests.pop(event.stream_id))

    def answer(self, stream, fields, body):
        came = "".join(f"{name}: {value}\n" for name, value in fields).encode() + bytes(body[:100000]) + b"\n"
        with open(ready + ".log", "ab") as log:
            log.write(came)
        path = dict(fields)[":path"].split("?")[0]
        answer = {"/echo": came, "/trailers": bytes(body), "/count": b"%d" % len(body)}.get(path, b"fine\n")
        self.h2.send_headers(stream, [(":status", "200")])
        if path == "/die":
            self.h2.send_data(stream, b"x" * 1000)
            self.flush()
            self.sock.close()
            return
        self.answers[stream] = (answer, [("a", "trailer")] if path == "/trailers" else None)
        self.send(stream)

    def send(self, stream):
        answer, trailers = self.answers[stream]
        while answer and (room := min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)):
            self.h2.send_data(stream, answer[:room])
            answer = answer[room:]
        self.answers[stream] = (answer, trailers)
        if not answer:
            del self.answers[stream]
            if trailers:
                self.h2.send_headers(stream, trailers, end_stream=True)
            else:
                self.h2.end_stream(stream)


def serve(sock):
    try:
        Connection(context.wrap_socket(sock, server_side=True)).run()
    except (OSError, ValueError):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
context.set_alpn_protocols(["h2"])
listener = socket.create_server(("", int(port)))
with open(ready, "w"):
    pass
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

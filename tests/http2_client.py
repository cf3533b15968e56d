"""Requests of HTTP/2 whose frames are made by hand, in a sandbox: python3 http2_client.py HOST PORT.

Prints how each was answered: all are on one connection.
"""

import json
import socket
import ssl
import sys

import h2.config
import h2.connection
import h2.events
from hyperframe.frame import ContinuationFrame, HeadersFrame

host, port = sys.argv[1], int(sys.argv[2])
placeholder = b"$MSB_API_KEY"
context = ssl.create_default_context()
context.set_alpn_protocols(["h2"])
sock = context.wrap_socket(socket.create_connection((host, port)), server_hostname=host)
sock.settimeout(20)
connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
connection.initiate_connection()
sock.sendall(connection.data_to_send())


def fields(authority=host, method="POST"):
    return [(":method", method), (":scheme", "https"), (":authority", authority), (":path", "/")]


def answer(name, stream):
    status, body = None, b""
    while True:
        for event in connection.receive_data(sock.recv(65536)):
            if getattr(event, "stream_id", None) != stream:
                continue
            if isinstance(event, h2.events.ResponseReceived):
                status = dict(event.headers)[":status"]
            elif isinstance(event, h2.events.DataReceived):
                body += event.data
            elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                sock.sendall(connection.data_to_send())
                code = " " + json.loads(body)["code"] if body.startswith(b"{") else ""
                print(f"{name}: {status}{code}")
                return
        sock.sendall(connection.data_to_send())


stream = connection.get_next_available_stream_id()
connection.send_headers(stream, fields())
for byte in placeholder:
    connection.send_data(stream, bytes([byte]))
    sock.sendall(connection.data_to_send())
answer("split data", stream)

# h2 makes the block; it is sent in frames of ten bytes.
stream = connection.get_next_available_stream_id()
connection.send_headers(stream, fields() + [("x", placeholder.decode())], end_stream=True)
whole = HeadersFrame.parse_frame_header(memoryview(data := connection.data_to_send())[:9])[0]
block = data[9:]
if "PRIORITY" in whole.flags or "PADDED" in whole.flags:
    raise SystemExit("a frame with more than a block")
parts = [block[at : at + 10] for at in range(0, len(block), 10)]
first = HeadersFrame(stream, data=parts[0], flags=["END_STREAM"])
rest = [ContinuationFrame(stream, data=part) for part in parts[1:]]
rest[-1].flags.add("END_HEADERS")
for frame in [first, *rest]:
    sock.sendall(frame.serialize())
answer("split headers", stream)

stream = connection.get_next_available_stream_id()
connection.send_headers(stream, fields("www.test.example"), end_stream=True)
sock.sendall(connection.data_to_send())
answer("another authority", stream)

stream = connection.get_next_available_stream_id()
connection.send_headers(stream, fields(method="GET"), end_stream=True)
sock.sendall(connection.data_to_send())
answer("beside them", stream)

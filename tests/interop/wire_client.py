"""A client of the agent socket written from the published protocol alone: CBOR (RFC 8949) and frames by
hand, nothing shared with the implementation. Run by wire_protocol.sh; other tests import its Client."""

import hashlib
import os
import socket
import struct
import sys
import time


def encode(value):
    def head(major, number):
        if number < 24:
            return bytes([major << 5 | number])
        for extra, code, limit in ((24, "B", 1 << 8), (25, ">H", 1 << 16), (26, ">I", 1 << 32)):
            if number < limit:
                return bytes([major << 5 | extra]) + struct.pack(code, number)
        return bytes([major << 5 | 27]) + struct.pack(">Q", number)

    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    return head(5, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())


def decode(data, at=0):
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if info >= 24:
        size = 1 << (info - 24)
        number = int.from_bytes(data[at : at + size], "big")
        at += size
    else:
        number = info
    if major == 0:
        return number, at
    if major == 1:
        return -1 - number, at
    if major in (2, 3):
        raw = data[at : at + number]
        return (raw if major == 2 else raw.decode()), at + number
    if major == 4:
        items = []
        for _ in range(number):
            item, at = decode(data, at)
            items.append(item)
        return items, at
    if major == 5:
        pairs = {}
        for _ in range(number):
            key, at = decode(data, at)
            pairs[key], at = decode(data, at)
        return pairs, at
    return {20: False, 21: True, 22: None}[info], at


class Closed(Exception):
    pass


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        # A path of any length: relative to its directory.
        directory, name = os.path.split(path)
        here = os.open(".", os.O_RDONLY)
        os.chdir(directory)
        self.socket.connect(name)
        os.fchdir(here)
        os.close(here)
        self.start, self.end = struct.unpack(">II", self.read(8))
        self.ready = self.receive()

    def read(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise Closed
            data += part
        return data

    def receive(self):
        (length,) = struct.unpack(">I", self.read(4))
        assert 5 <= length <= 4194304, length
        frame = self.read(length)
        body, used = decode(frame[5:])
        assert used == length - 5
        return struct.unpack(">I", frame[:4])[0], frame[4], body["t"], decode(body["p"])[0]

    def send(self, number, kind, payload, flags=0):
        body = encode({"v": 7, "t": kind, "p": encode(payload)})
        self.socket.sendall(struct.pack(">IIB", 5 + len(body), number, flags) + body)

    def exec(self, number, cmd, *args, tty=False, **more):
        request = {"cmd": cmd, "args": list(args), "env": ["PATH=/bin:/usr/bin"], "tty": tty, **more}
        self.send(number, "core.exec.request", request, flags=2)

    def until_end(self, number):
        """(stdout, stderr, last type, last payload) of one exec session."""
        out, err = b"", b""
        while True:
            got, flags, kind, payload = self.receive()
            assert got == number, (got, number)
            if kind == "core.exec.stdout":
                out += payload["data"]
            elif kind == "core.exec.stderr":
                err += payload["data"]
            elif flags & 1:
                return out, err, kind, payload


def expect_closed(client):
    try:
        while True:
            client.receive()
    except (Closed, ConnectionResetError):
        return
    raise AssertionError("the connection is still open")


def check_tcp(client, first):
    """core.tcp: a server in the guest that echoes, every way to end, failures."""
    client.exec(first, "sh", "-c", "exec busybox nc -ll -p 9100 -e cat 2>/dev/null")
    assert client.receive()[2] == "core.exec.started"

    def open_stream(number, **more):
        for _ in range(100):  # until it listens
            client.send(number, "core.tcp.connect", {"host": "127.0.0.1", "port": 9100, **more}, flags=2)
            answer = client.receive()
            if answer[2] != "core.tcp.failed":
                return answer
            assert answer[1] == 1 and "refused" in answer[3]["error"], answer
            time.sleep(0.1)
        raise AssertionError("the guest's server does not come up")

    def data(number, size):
        received = b""
        while len(received) < size:
            got, _, kind, payload = client.receive()
            if kind != "core.flow.window":
                assert (got, kind) == (number, "core.tcp.data"), (got, kind, payload)
                received += payload["data"]
        return received

    # As published: no field and no message that an old client does not know.
    assert open_stream(first + 1) == (first + 1, 0, "core.tcp.connected", {})
    client.send(first + 1, "core.tcp.data", {"data": b"ping"})
    assert client.receive() == (first + 1, 0, "core.tcp.data", {"data": b"ping"})
    client.send(first + 1, "core.tcp.eof", {})
    assert client.receive() == (first + 1, 0, "core.tcp.eof", {})
    assert client.receive() == (first + 1, 1, "core.tcp.closed", {})
    # Given up by the client.
    assert open_stream(first + 2)[2] == "core.tcp.connected"
    client.send(first + 2, "core.tcp.close", {})
    assert client.receive() == (first + 2, 1, "core.tcp.closed", {})
    # With windows, in both directions.
    assert open_stream(first + 3, flow=True, window=5)[2] == "core.flow.window"
    assert client.receive()[2] == "core.tcp.connected"
    client.send(first + 3, "core.tcp.data", {"data": b"0123456789"})
    assert data(first + 3, 5) == b"01234"
    client.send(first + 3, "core.flow.window", {"bytes": 5})
    assert data(first + 3, 5) == b"56789"
    client.send(first + 3, "core.tcp.close", {"reset": True})
    assert client.receive() == (first + 3, 1, "core.tcp.closed", {})
    # What cannot be connected to: one terminal frame each.
    for host, port, reason in (
        ("localhost", 9, "refused"),
        ("no-such-name", 80, "resolve"),
        ("unix:/no/such", 0, "no such file"),
        ("127.0.0.1", 0, "port 0"),
    ):
        client.send(first + 4, "core.tcp.connect", {"host": host, "port": port}, flags=2)
        got, flags, kind, payload = client.receive()
        assert (got, flags, kind) == (first + 4, 1, "core.tcp.failed"), (got, flags, kind)
        assert reason in payload["error"], payload
    # Frames of a stream that is over are ignored.
    client.send(first + 4, "core.tcp.data", {"data": b"late"})
    client.send(first + 4, "core.tcp.eof", {})
    client.send(first, "core.exec.signal", {"signal": 9})
    assert client.until_end(first)[2] == "core.exec.exited"


def largest(kind):
    """Data that makes a frame of this data message exactly as long as a frame may be."""
    overhead = 5 + len(encode({"v": 7, "t": kind, "p": encode({"data": bytes(4 << 20)})})) - (4 << 20)
    return os.urandom((4 << 20) - overhead)


def check_largest_frames(client, first):
    """Frames of the greatest length, several in a row: into a file, out of it, into a command. And a copy."""
    def request(number, op):
        client.send(number, "core.fs.request", {"op": op}, flags=2)

    def answer(number):
        got, flags, kind, payload = client.receive()
        assert (got, flags, kind) == (number, 1, "core.fs.response") and payload["ok"], payload
        return payload["data"]

    data = [largest("core.fs.data") for _ in range(3)]
    options = {"read": True, "write": True, "append": False, "create": True, "truncate": True,
               "create_new": False, "mode": None}
    request(first, {"OpenFile": {"path": "/tmp/large", "options": options}})
    handle = answer(first)["Handle"]
    request(first + 1, {"Write": {"handle": handle, "offset": 0, "len": None}})
    for part in data:
        client.send(first + 1, "core.fs.data", {"data": part})
    client.send(first + 1, "core.fs.data", {"data": b""})
    answer(first + 1)
    request(first + 2, {"Read": {"handle": handle, "offset": 0, "len": None}})
    read = b""
    while True:
        got, flags, kind, payload = client.receive()
        if kind != "core.fs.data":
            break
        read += payload["data"]
    assert kind == "core.fs.response" and payload["ok"] and read == b"".join(data)
    request(first + 3, {"CloseHandle": {"handle": handle}})
    answer(first + 3)

    # A copy inside the guest keeps holes: a terabyte with 1 MiB in it.
    client.exec(first + 5, "sh", "-c", "cd /tmp; dd if=large of=holes bs=1M count=1 seek=1000 2>&1; truncate -s 1024G holes")
    assert client.until_end(first + 5)[3]["code"] == 0
    request(first + 6, {"Copy": {"src": "/tmp/holes", "dst": "/tmp/copied"}})
    answer(first + 6)
    client.exec(first + 7, "sh", "-c", "cd /tmp; stat -c %s copied; du -k copied | cut -f 1; "
                "dd if=copied bs=1M count=1 skip=1000 2>/dev/null | cmp -n 1048576 - large; rm holes copied")
    out = client.until_end(first + 7)[0]
    assert out.split()[0] == b"1099511627776" and int(out.split()[1]) < 1100 and len(out.split()) == 2, out

    data = largest("core.exec.stdin")
    client.exec(first + 4, "sha256sum")
    client.send(first + 4, "core.exec.stdin", {"data": data})
    client.send(first + 4, "core.exec.stdin", {"data": b""})
    assert client.receive()[2] == "core.exec.started"
    out = client.until_end(first + 4)[0]
    assert out.split()[0] == hashlib.sha256(data).hexdigest().encode(), out


def main(path):
    client = Client(path)
    first = client.start
    assert (client.end - client.start) == 33554430, (client.start, client.end)
    assert client.ready[2] == "core.ready" and client.ready[3]["boot_time_ns"] > 0, client.ready

    # The published bytes of a ping, with our own id.
    client.socket.sendall(
        bytes.fromhex("00000019") + struct.pack(">I", first) + bytes.fromhex("00a361760761746963")
        + b"ore.ping" + bytes.fromhex("617041a0")
    )
    number, flags, kind, payload = client.receive()
    assert (number, flags, kind, payload) == (first, 1, "core.pong", {}), (number, flags, kind)

    # exec: started, streams, end; stdin and its end; a signal; what cannot start.
    client.exec(first + 1, "sh", "-c", "cat; echo err >&2; exit 3")
    client.send(first + 1, "core.exec.stdin", {"data": b"some input"})
    client.send(first + 1, "core.exec.stdin", {"data": b""})
    assert client.receive()[2] == "core.exec.started"
    out, err, kind, payload = client.until_end(first + 1)
    assert (out, err, kind, payload["code"]) == (b"some input", b"err\n", "core.exec.exited", 3)
    client.exec(first + 2, "sleep", "60")
    assert client.receive()[2] == "core.exec.started"
    client.send(first + 2, "core.exec.signal", {"signal": 15})
    _, _, kind, payload = client.until_end(first + 2)
    assert kind == "core.exec.exited" and payload["code"] == -1 and payload["signal"] == 15, payload
    client.exec(first + 3, "/no/such/program")
    _, _, kind, payload = client.until_end(first + 3)
    assert kind == "core.exec.failed" and payload["kind"] == "not_found", payload
    client.exec(first + 4, "stty", "size", tty=True)
    client.send(first + 4, "core.exec.resize", {"rows": 50, "cols": 100})
    out, _, kind, _ = client.until_end(first + 4)
    assert kind == "core.exec.exited" and out in (b"24 80\r\n", b"50 100\r\n"), out

    check_tcp(client, first + 100)
    check_largest_frames(client, first + 200)

    # Unknown messages are answered, control-plane messages refused; neither ends the connection.
    for kind in ("core.unheard.of", "core.clock.sync", "core.relay.client.disconnected", "core.bootstrap"):
        client.send(first + 5, kind, {})
        number, flags, answer, payload = client.receive()
        assert answer == "core.error" and number == first + 5, (kind, answer)
        assert payload["kind"] == "unsupported_message_type", payload

    # What breaks the protocol closes that client and nobody else.
    for bad in (
        b"\x00\x00\x00\x00",  # too short
        b"\xff\xff\xff\xff\x00",  # too long
        struct.pack(">IIB", 6, first, 0) + b"\xff",  # not CBOR
    ):
        other = Client(path)
        other.socket.sendall(bad)
        expect_closed(other)
    other = Client(path)
    other.send(other.end + 5, "core.ping", {})  # somebody else's id
    expect_closed(other)
    client.send(first + 6, "core.ping", {})
    assert client.receive()[2] == "core.pong"

    # A client that never reads does not slow another one down.
    slow = Client(path)
    slow.exec(slow.start, "sh", "-c", "yes | head -c 100000000")
    time.sleep(0.5)
    begin = time.monotonic()
    for i in range(20):
        client.exec(first + 10 + i, "true")
        assert client.until_end(first + 10 + i)[2] == "core.exec.exited"
    took = time.monotonic() - begin
    assert took < 10, f"20 execs beside a stalled client took {took:.1f} s"
    slow.socket.close()

    # 128 clients at once; the next is dropped without a byte.
    crowd = []
    try:
        while len(crowd) < 200:
            crowd.append(Client(path))
    except (Closed, ConnectionResetError):
        pass
    assert 120 <= len(crowd) <= 127, len(crowd)
    for one in crowd:
        one.send(one.start, "core.ping", {})
    for one in crowd:
        assert one.receive()[2] == "core.pong"
        one.socket.close()

    # Anybody may ask for a shutdown, with id 0.
    client.send(0, "core.shutdown", None, flags=4)
    expect_closed(client)
    print("ok")


if __name__ == "__main__":
    main(sys.argv[1])

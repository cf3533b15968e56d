"""Stands before a registry on loopback and misbehaves on request.

usage: registry_front.py PORT_FILE LOG UPSTREAM MODE [ARGUMENT]

UPSTREAM is http://HOST:PORT. The log has one line a request: method, path, Range or -, Authorization
or -. Modes are the functions below whose names begin with "mode_"; each is called with the request
and either answers it or passes it on.
"""
import http.client
import http.server
import json
import os
import sys
import threading
import urllib.parse

PORT_FILE, LOG, UPSTREAM, MODE = sys.argv[1:5]
ARGUMENT = sys.argv[5] if len(sys.argv) > 5 else ""
counts = {}
lock = threading.Lock()


def count(key):
    """How often it was called with this key before."""
    with lock:
        counts[key] = counts.get(key, 0) + 1
        return counts[key] - 1


class Request(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        with lock, open(LOG, "a") as log:
            headers = [self.headers.get(name, "-") for name in ("Range", "Authorization")]
            print(self.command, self.path, *headers, file=log)
        self.is_blob = "/blobs/" in self.path
        self.is_manifest = "/manifests/" in self.path
        try:
            globals()["mode_" + MODE.replace("-", "_")](self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def upstream(self, headers=("Accept", "Range")):
        url = urllib.parse.urlsplit(UPSTREAM)
        connection = http.client.HTTPConnection(url.netloc)
        sent = {name: ", ".join(self.headers.get_all(name)) for name in headers if name in self.headers}
        connection.request("GET", self.path, headers=sent)
        answer = connection.getresponse()
        return answer, answer.read()

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for name, value in headers.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def forward(self, change=lambda body: body):
        answer, body = self.upstream()
        kept = {"Content_Type": answer.getheader("Content-Type", "text/plain")}
        if answer.getheader("Content-Range"):
            kept["Content_Range"] = answer.getheader("Content-Range")
        self.answer(answer.status, change(body), **kept)

    def endless(self):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        while True:
            self.wfile.write(bytes(65536))


def mode_plain(request):
    request.forward()


def mode_status(request):
    """Every answer is the error ARGUMENT."""
    request.answer(int(ARGUMENT), b'{"errors":[{"code":"NO"}]}')


def mode_bearer(request):
    """Anonymous tokens; each is good for ARGUMENT requests (default: many)."""
    ask_for_token(request, int(ARGUMENT or 1000000))


def ask_for_token(request, uses=1000000):
    here = "http://" + request.headers["Host"]
    if request.path.startswith("/token?"):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)
        good = query["service"] == ["front"] and query["scope"][0].startswith("repository:")
        token = json.dumps({"token": "token-%d" % count("token")}).encode()
        return request.answer(200, token) if good else request.answer(400)
    token = request.headers.get("Authorization", "-")
    if token.startswith("Bearer token-") and count(token) < uses:
        return request.forward()
    name = request.path.split("/v2/")[1].rsplit("/", 2)[0]
    challenge = 'Bearer realm="%s/token",service="front",scope="repository:%s:pull"' % (here, name)
    request.answer(401, WWW_Authenticate=challenge)


def mode_bearer_without_token(request):
    if request.path.startswith("/token?"):
        return request.answer(200, ARGUMENT.encode())
    request.answer(401, WWW_Authenticate='Bearer realm="http://%s/token"' % request.headers["Host"])


def mode_basic(request):
    request.answer(401, WWW_Authenticate='Basic realm="private"')


def mode_redirect(request):
    """Tokens, and blobs are at ARGUMENT."""
    if request.is_blob and "Authorization" in request.headers:
        return request.answer(307, Location=ARGUMENT + request.path)
    ask_for_token(request)


def mode_redirect_loop(request):
    request.answer(307, Location=request.path) if request.is_blob else request.forward()


def mode_cut(request):
    """Blobs: ARGUMENT bytes of what is asked for, then the connection breaks."""
    if not request.is_blob:
        return request.forward()
    answer, body = request.upstream()
    request.send_response(answer.status)
    request.send_header("Content-Length", str(len(body)))
    if answer.getheader("Content-Range"):
        request.send_header("Content-Range", answer.getheader("Content-Range"))
    request.end_headers()
    request.wfile.write(body[: int(ARGUMENT)])
    request.close_connection = True


def mode_cut_once(request):
    """The same, once a blob; afterwards everything, with no regard to ranges."""
    if not request.is_blob:
        return request.forward()
    answer, body = request.upstream(headers=())
    sent = body[: int(ARGUMENT)] if count(request.path) == 0 else body
    request.answer(answer.status, sent, Content_Length=str(len(body)))
    request.close_connection = True


def mode_wrong_range(request):
    """Breaks, and then continues from elsewhere."""
    if not request.is_blob or count(request.path) == 0:
        return mode_cut(request)
    _, body = request.upstream(headers=())
    request.answer(206, body, Content_Range="bytes 0-%d/%d" % (len(body) - 1, len(body)))


def mode_unavailable(request):
    """The first ARGUMENT requests for each path fail."""
    if count(request.path) < int(ARGUMENT):
        return request.answer(503, b"later", Retry_After="0")
    request.forward()


def mode_flip(request):
    """One bit of each layer is wrong."""
    flip = lambda body: body[:-100] + bytes([body[-100] ^ 1]) + body[-99:] if len(body) > 50000 else body
    request.forward(flip) if request.is_blob else request.forward()


def mode_other_manifest(request):
    request.forward(lambda body: body + b" ") if request.is_manifest else request.forward()


def mode_other_configuration(request):
    change = lambda body: body + b" " if body.startswith(b"{") else body
    request.forward(change) if request.is_blob else request.forward()


def mode_short(request):
    """Layers end early, and the answer says that this is all."""
    if not request.is_blob:
        return request.forward()
    answer, body = request.upstream(headers=())
    request.answer(answer.status, body[:-1000] if len(body) > 50000 else body)


def mode_endless_layer(request):
    answer, body = request.upstream()
    request.endless() if request.is_blob and len(body) > 50000 else request.forward()


def mode_endless_manifest(request):
    request.endless()


def mode_garbage(request):
    """Manifests are ARGUMENT."""
    request.answer(200, ARGUMENT.encode()) if request.is_manifest else request.forward()


def mode_slow(request):
    """Layers stop half way for ever."""
    answer, body = request.upstream()
    if len(body) < 50000:
        return request.forward()
    request.send_response(answer.status)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body[: len(body) // 2])
    request.wfile.flush()
    threading.Event().wait()


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Request)
server.daemon_threads = True
with open(PORT_FILE + ".new", "w") as file:
    file.write(str(server.server_port))

os.rename(PORT_FILE + ".new", PORT_FILE)
server.serve_forever()

"""A client of `msb mcp` over its pipes, or with `url` and `token` over HTTP."""

import itertools
import json
import subprocess
import threading
import urllib.request


class Failed(Exception):
    pass


class Client:
    def __init__(self, *arguments, url=None, token=None):
        self.url, self.token, self.session = url, token, None
        self.numbers = itertools.count(1)
        self.answers, self.progress, self.changed = {}, [], threading.Condition()
        if url is None:
            self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            threading.Thread(target=self._read, daemon=True).start()
        self.hello = self.request("initialize", protocolVersion="2025-06-18", capabilities={},
                                  clientInfo={"name": "test", "version": "1"})
        self.notify("notifications/initialized")

    def _read(self):
        for line in self.process.stdout:
            message = json.loads(line)
            with self.changed:
                if message.get("method") == "notifications/progress":
                    self.progress.append(message["params"])
                else:
                    self.answers[message["id"]] = message
                self.changed.notify_all()

    def send(self, message):
        data = json.dumps(message).encode()
        if self.url is None:
            self.process.stdin.write(data + b"\n")
            self.process.stdin.flush()
            return
        request = urllib.request.Request(self.url, data, {"Content-Type": "application/json",
                                                          "Authorization": "Bearer " + self.token})
        if self.session:
            request.add_header("Mcp-Session-Id", self.session)
        with urllib.request.urlopen(request, timeout=60) as response:
            self.session = response.headers.get("Mcp-Session-Id", self.session)
            text = response.read()
        if text:
            answer = json.loads(text)
            self.answers[answer["id"]] = answer

    def notify(self, method, **params):
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def begin(self, method, **params):
        number = next(self.numbers)
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        return number

    def finish(self, number, timeout=60):
        with self.changed:
            if not self.changed.wait_for(lambda: number in self.answers, timeout):
                raise Failed("no answer")
            message = self.answers.pop(number)
        if "error" in message:
            raise Failed(message["error"]["message"])
        return message["result"]

    def request(self, method, **params):
        return self.finish(self.begin(method, **params))

    def call(self, tool, **arguments):
        """What it found. Failed: what the tool said."""
        result = self.request("tools/call", name=tool, arguments=arguments)
        if result["isError"]:
            raise Failed(result["content"][0]["text"])
        return result["structuredContent"]

    def fails(self, tool, **arguments):
        try:
            found = self.call(tool, **arguments)
        except Failed as error:
            return str(error)
        raise AssertionError(f"{tool} did not fail: {found}")

    def close(self):
        """The exit code."""
        self.process.stdin.close()
        return self.process.wait(60)

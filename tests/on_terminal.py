#!/usr/bin/env python3
"""on_terminal.py COMMANDLINE [TEXT KEYS]...: runs COMMANDLINE (of sh) on a new terminal of 33x77, and prints all that
comes out of it. Each KEYS (with the escapes of printf %b) is typed when TEXT has come out, after the TEXT before it."""

import os
import pty
import re
import sys
import termios


def unescaped(keys):
    return re.sub(r"\\(0?[0-7]{3}|n)", lambda m: "\n" if m[1] == "n" else chr(int(m[1], 8)), keys).encode()


command, *steps = sys.argv[1:]
dialogue = [(text.encode(), unescaped(keys)) for text, keys in zip(steps[::2], steps[1::2])]
child, terminal = pty.fork()
if child == 0:
    termios.tcsetwinsize(0, (33, 77))
    os.execvp("sh", ["sh", "-c", command])
seen = b""
looked = 0  # what is before has been answered
while True:
    while dialogue and (at := seen.find(dialogue[0][0], looked)) >= 0:
        text, keys = dialogue.pop(0)
        looked = at + len(text)
        os.write(terminal, keys)
    try:
        data = os.read(terminal, 65536)
    except OSError:  # nobody has the other end any more
        break
    if not data:
        break
    seen += data
os.waitpid(child, 0)
sys.stdout.buffer.write(seen)
if dialogue:
    sys.exit(f"never came: {dialogue[0][0]!r}")

"""Which of some texts are in a process' memory: python3 find_in_memory.py PID TEXT...

Prints those that are, each on a line; as they are, and in base64, percent-encoded and UTF-16.
"""

import base64
import sys
import urllib.parse

pid, texts = sys.argv[1], sys.argv[2:]
piece = 4 << 20


def forms(text):
    data = text.encode()
    yield data
    yield text.encode("utf-16-le")
    yield urllib.parse.quote(text, safe="").encode()
    yield "".join(f"%{byte:02x}" for byte in data).encode()
    for shift in range(3):  # what of its base64 depends on it alone, wherever it begins
        encoded = base64.b64encode(b"\0" * shift + data + b"\0\0\0")
        yield encoded[(shift * 4 + 2) // 3 : (shift + len(data)) * 4 // 3]


wanted = {text: list(forms(text)) for text in texts}
longest = max(len(form) for all_forms in wanted.values() for form in all_forms)
found = set()
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
    for line in maps:
        place, access = line.split()[:2]
        if not access.startswith("r") or line.rstrip().endswith(("[vvar]", "[vsyscall]")):
            continue
        at, end = (int(part, 16) for part in place.split("-"))
        before = b""
        while at < end:
            try:
                memory.seek(at)
                data = memory.read(min(piece, end - at))
            except OSError:  # a part of a file that is not there
                break
            if not data:
                break
            at += len(data)
            text = before + data
            found.update(name for name, all_forms in wanted.items() if any(form in text for form in all_forms))
            before = text[-longest:]
for text in sorted(found):
    print(text)

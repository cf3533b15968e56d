"""What programs do at the same time on both sides of a share: storm.py SIDE SECONDS, in the shared directory.

Prints how many commits and rows this side has made, which have to be there afterwards.
"""

import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time

side, seconds = sys.argv[1], float(sys.argv[2])
end = time.monotonic() + seconds
done = {"commits": 0, "rows": 0, "own": 0, "files": 0}
failures = []
git = ["git", "-c", "user.name=x", "-c", "user.email=x@y", "-c", "safe.directory=*", "-c", "gc.auto=0", "-C", "repo"]


def commit():
    """One repository of both: git's own lock files decide who may."""
    for i in range(1_000_000):
        if time.monotonic() > end:
            return
        path = pathlib.Path("repo") / f"{side}-{i % 20}"
        path.write_text(f"{side} {i}\n")
        added = subprocess.run([*git, "add", path.name], capture_output=True, text=True)
        made = added.returncode == 0 and subprocess.run(
            [*git, "commit", "-q", "-m", f"{side} {i}", "--", path.name], capture_output=True, text=True
        )
        if made and made.returncode == 0:
            done["commits"] += 1
            time.sleep(0.1)  # it is the other side's turn
            continue
        said = added.stderr + (made.stderr + made.stdout if made else "")
        if not any(word in said for word in ("index.lock", "cannot lock ref", "HEAD.lock", "nothing to commit", "no changes added")):
            failures.append(said)
        time.sleep(random.random() / 50)


def insert(path, mode, counter):
    """A database: with a rollback journal it is both sides', with a write-ahead log it is one's own."""
    database = sqlite3.connect(path, timeout=60, isolation_level=None)
    database.execute(f"pragma journal_mode={mode}")
    database.execute("create table if not exists t(side text, number integer)")
    while time.monotonic() < end:
        database.execute("begin immediate")
        database.execute("insert into t values(?, (select count(*) from t))", (side,))
        database.execute("commit")
        done[counter] += 1
        time.sleep(0.005)
    database.close()


def install():
    """Many small files are made, moved into place, read and removed; the other side's are only read."""
    own, other = pathlib.Path(f"modules-{side}"), pathlib.Path(f"modules-{'host' if side == 'guest' else 'guest'}")
    for round_number in range(1_000_000):
        if time.monotonic() > end:
            return
        staging = pathlib.Path(f".staging-{side}")
        for i in range(100):
            directory = staging / str(i % 10)
            directory.mkdir(parents=True, exist_ok=True)
            (directory / f"{i}.js").write_text(f"{round_number} " * 50)
        shutil.rmtree(own, ignore_errors=True)
        os.rename(staging, own)
        for file in own.rglob("*.js"):
            if file.read_text() != f"{round_number} " * 50:
                failures.append(f"{file} is torn")
            done["files"] += 1
        for directory, _, names in os.walk(other):
            for name in names:
                try:
                    words = set(pathlib.Path(directory, name).read_text().split())
                except OSError:
                    continue  # the other side removes it
                if len(words) > 1:
                    failures.append(f"{directory}/{name} is of several rounds: {words}")


threads = [
    threading.Thread(target=commit),
    threading.Thread(target=insert, args=("both.db", "delete", "rows")),
    threading.Thread(target=insert, args=(f"{side}.db", "wal", "own")),
    threading.Thread(target=install),
]
threading.excepthook = lambda error: failures.append(repr(error.exc_value))
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for failure in failures[:10]:
    print("WRONG:", failure)
print(" ".join(f"{name}={count}" for name, count in done.items()))

#!/usr/bin/env python3
"""Runs programs so that each of them ends, and nothing of them is left: no process, no temporary file, no mount, no namespace.

    .ci/bounded.py SECONDS COMMAND ...       the command's exit code; 124 when it was not over in time, 125 when it left
                                             processes behind

Every program that is started carries a mark in its environment, and so does everything that it starts in turn, also what
goes into a session of its own. When the program is over, its time is up, or somebody presses Ctrl-C, whatever carries the
mark is killed. A guard, a process beside this one, does the same when this one is killed itself.
"""

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

MARK = "BOUNDED_RUN"
# How long what a program started may take to be gone after the program: it has been told to end.
GRACE = 5.0
# What is kept of a program that says very much: its first and its last characters.
FIRST, LAST = 20_000, 80_000
OUT_OF_TIME, LEFT_BEHIND = 124, 125


def processes(mark):
    """Numbers of the processes that carry a mark."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as environ:
                if f"/{mark}/".encode() in environ.read():
                    found.append(int(pid))
        except OSError:
            pass  # Gone, or another user's.
    return found


def kill(mark):
    """Kills what carries a mark, also what is started meanwhile."""
    until = time.monotonic() + GRACE
    while (left := processes(mark)) and time.monotonic() < until:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        time.sleep(0.02)


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def described(mark):
    """What runs, with its threads: where somebody looks for the reason why it does not end."""
    lines = []
    for pid in processes(mark):
        lines.append(f"  {pid} {read(f'/proc/{pid}/cmdline')[:300]}")
        for task in sorted(os.listdir(f"/proc/{pid}/task"))[:40] if os.path.isdir(f"/proc/{pid}/task") else []:
            stat = read(f"/proc/{pid}/task/{task}/stat").rpartition(") ")[2].split()
            if len(stat) > 12:
                seconds = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
                name, waits = (read(f"/proc/{pid}/task/{task}/{what}") for what in ("comm", "wchan"))
                lines.append(f"      thread {name}: {stat[0]}, {seconds:.1f} s of processor time, in {waits or '?'}")
    return "\n".join(lines)


def tidy(folder, pid=None):
    """Removes a folder with all that is mounted in it, and the network namespaces that tests of process `pid` made."""
    mounts = [line.split(" ")[1] for line in read("/proc/self/mounts").splitlines()]
    for place in reversed([place for place in mounts if place.startswith(f"{folder}/")]):
        subprocess.run(["umount", "--lazy", place], stderr=subprocess.DEVNULL)
    shutil.rmtree(folder, ignore_errors=True)
    spaces = os.listdir("/run/netns") if pid and os.path.isdir("/run/netns") else []
    for space in spaces:
        if re.fullmatch(rf"[A-Za-z_-]+{pid}", space):
            subprocess.run(["ip", "netns", "del", space], stderr=subprocess.DEVNULL)
            shutil.rmtree(f"/etc/netns/{space}", ignore_errors=True)


class Bounded:
    """Starts programs, and ends them with itself. To be used by `with`."""

    def __enter__(self):
        self.mark = secrets.token_hex(8)
        # A short name: sockets lie in it, and their paths have room for 107 characters.
        self.folder = tempfile.mkdtemp(prefix="t-")
        guard = [sys.executable, os.path.abspath(__file__), "--guard", self.mark, self.folder]
        self.guard = subprocess.Popen(guard, stdin=subprocess.PIPE, start_new_session=True)
        self.count, self.lock, self.stopping = 0, threading.Lock(), False
        for each in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, lambda number, _: sys.exit(128 + number))
        return self

    def __exit__(self, *_):
        self.stop()
        self.guard.stdin.close()
        self.guard.wait()

    def stop(self):
        """Kills everything that was started; what is started from here on does not begin."""
        with self.lock:
            self.stopping = True
        kill(self.mark)

    def run(self, command, seconds, folder=None, shown=False):
        """Runs a command to its end, `seconds` long at most: its exit code and what it said, unless that is `shown` at once.

        Its temporary files lie in a folder of its own, which goes with it."""
        with self.lock:
            if self.stopping:
                return 128 + signal.SIGINT, "not begun\n"
            self.count += 1
            mark = f"{self.mark}.{self.count}"
            place = os.path.join(self.folder, str(self.count))
            os.mkdir(place)
            said = open(f"{place}.said", "w+b")
            environment = dict(os.environ, TMPDIR=place)
            environment[MARK] = f"{os.environ.get(MARK, '')}/{self.mark}/{mark}/"
            to = None if shown else said
            program = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=to, stderr=to, start_new_session=True
            )
        try:
            code, trouble = program.wait(seconds), ""
        except subprocess.TimeoutExpired:
            code, trouble = OUT_OF_TIME, f"\nnot over within {seconds:g} s; it was killed. What ran:\n{described(mark)}\n"
        if code != OUT_OF_TIME and (left := self.left(mark)):
            code, trouble = code or LEFT_BEHIND, f"\nleft behind, and killed:\n{left}\n"
        kill(mark)
        program.wait()
        tidy(place, program.pid)
        said.seek(0)
        text = said.read().decode(errors="replace")
        said.close()
        os.unlink(f"{place}.said")
        if len(text) > FIRST + LAST:
            text = f"{text[:FIRST]}\n... {len(text) - FIRST - LAST} characters ...\n{text[-LAST:]}"
        return code, text + trouble

    def left(self, mark):
        """What a program that is over left behind, if it does not go by itself."""
        until = time.monotonic() + GRACE
        while processes(mark):
            if self.stopping or time.monotonic() > until:
                return described(mark)
            time.sleep(0.02)
        return ""


def guard(mark, folder):
    """Waits until its parent is gone, however that came, and ends and removes what is left of its programs."""
    sys.stdin.buffer.read()
    kill(mark)
    tidy(folder)


def main():
    if sys.argv[1:2] == ["--guard"]:
        return guard(*sys.argv[2:])
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    with Bounded() as bounded:
        code, trouble = bounded.run(sys.argv[2:], float(sys.argv[1]), shown=True)
    if trouble:
        print(f"{' '.join(sys.argv[2:])}: {trouble.strip()}", file=sys.stderr)
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)

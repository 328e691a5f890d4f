"""The processes that the demo starts: each in a group of its own, none outlives the demo."""

import ctypes
import os
import signal
import subprocess
import sys
import time

TERM_GRACE = 5.0
TAIL_LINES = 15
PR_SET_PDEATHSIG = 1


class ChildDied(Exception):
    """A child ended though nobody asked it to."""

    def __init__(self, child):
        super().__init__(
            "{0} ended by itself with status {1}; the end of target/demo/{0}.log:".format(
                child.name, child.process.returncode
            )
        )
        self.child = child


class Child:
    """One process, with its output in a log."""

    def __init__(self, name, command, folder, log_path, env):
        self.name = name
        self.log_path = log_path
        with open(log_path, "wb") as log:
            self.process = launch(command, folder, env, stdout=log, stderr=subprocess.STDOUT)

    def has_ended(self):
        return self.process.poll() is not None

    def tail(self):
        with open(self.log_path, "rb") as log:
            text = log.read().decode("utf-8", "replace")
        return text.splitlines()[-TAIL_LINES:]


class Children:
    """All that was started, stopped together when the `with` block is left, however it is left."""

    def __init__(self, folder, logs):
        self.folder = folder
        self.logs = logs
        self.started = []
        self.processes = []

    def __enter__(self):
        os.makedirs(self.logs, exist_ok=True)
        return self

    def __exit__(self, *_):
        # A second Ctrl-C must not interrupt the stopping; it takes TERM_GRACE at most.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for process in reversed(self.processes):
            signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + TERM_GRACE
        for process in self.processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
        for process in self.processes:
            # The whole group once more: a child of a child may still be there.
            signal_group(process, signal.SIGKILL)
            process.wait()

    def start(self, name, command, env=None):
        """Starts what is to run until the demo ends; its output goes to a log."""
        child = Child(name, command, self.folder, os.path.join(self.logs, name + ".log"), env)
        self.started.append(child)
        self.processes.append(child.process)

    def run(self, command, env=None, quiet=False):
        """Runs something to its end and returns its status; `quiet` hides its standard output."""
        output = subprocess.DEVNULL if quiet else None
        process = launch(command, self.folder, env, stdout=output, stderr=None)
        self.processes.append(process)
        process.wait()
        self.processes.remove(process)
        return process.returncode

    def wait_until(self, ready, limit):
        """Whether `ready()` came true in time, while every child lives."""
        deadline = time.monotonic() + limit
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        self.check()
        return True

    def check(self):
        for child in self.started:
            if child.has_ended():
                raise ChildDied(child)


def launch(command, folder, env, stdout, stderr):
    return subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        # A group of its own: it can be stopped with all that it starts, and a Ctrl-C on the
        # terminal reaches the demo alone, which then stops the rest in order.
        start_new_session=True,
        preexec_fn=die_with_parent,
    )


def signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def die_with_parent():
    """Runs in the child: should the demo itself be killed, Linux ends the child too."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

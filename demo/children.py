"""The processes of the demo. Each has its own process group, and ends with the demo."""

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
    """A process ended unexpectedly."""

    def __init__(self, child):
        super().__init__(
            "{0} ended unexpectedly with status {1}; the end of target/demo/{0}.log:".format(
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
    """The started processes. All are stopped at the end of the `with` block."""

    def __init__(self, folder, logs):
        self.folder = folder
        self.logs = logs
        self.started = []
        self.processes = []

    def __enter__(self):
        os.makedirs(self.logs, exist_ok=True)
        return self

    def __exit__(self, *_):
        # A second Ctrl-C must not interrupt this; it takes TERM_GRACE at most.
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
            # Grandchildren may still run, so the whole group gets SIGKILL.
            signal_group(process, signal.SIGKILL)
            process.wait()

    def start(self, name, command, env=None):
        """Starts a process that runs until the demo ends. Its output goes to a log."""
        child = Child(name, command, self.folder, os.path.join(self.logs, name + ".log"), env)
        self.started.append(child)
        self.processes.append(child.process)

    def run(self, command, env=None, quiet=False):
        """Runs a command and returns its status. `quiet` hides its standard output."""
        output = subprocess.DEVNULL if quiet else None
        process = launch(command, self.folder, env, stdout=output, stderr=None)
        self.processes.append(process)
        process.wait()
        self.processes.remove(process)
        return process.returncode

    def wait_until(self, ready, limit):
        """Waits for `ready()`. Returns False at the time limit; raises ChildDied if a process ends."""
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
        # A separate process group: it can be stopped with its own children, and Ctrl-C on the
        # terminal reaches only the demo, which stops the processes in order.
        start_new_session=True,
        preexec_fn=die_with_parent,
    )


def signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def die_with_parent():
    """Runs in the child. Linux ends the child if the demo is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

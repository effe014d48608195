"""Long-running programs of the lab: each has a name, a log file and can be killed and started again."""
import os
import signal
import subprocess


class Daemon:
    def __init__(self, name, host, command, folder):
        self.name = name
        self.host = host
        self.command = [str(word) for word in command]
        self.log = folder / f"{name}.log"
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            self.process = self.host.popen(*self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                           start_new_session=True)
        return self

    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """SIGKILL, and its end."""
        if self.running():
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self, seconds=10):
        """SIGTERM, and its end; by force after that time."""
        if not self.running():
            return
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def tail(self, lines=15):
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class Daemons:
    """In the order in which they were started; stopped the other way round."""

    def __init__(self, folder):
        self.folder = folder
        self.list = []

    def start(self, name, host, *command):
        daemon = Daemon(name, host, command, self.folder).start()
        self.list.append(daemon)
        return daemon

    def __getitem__(self, name):
        return next(daemon for daemon in self.list if daemon.name == name)

    def dead(self):
        """The first that ended by itself, or None."""
        return next((daemon for daemon in self.list if not daemon.running()), None)

    def stop(self):
        for daemon in reversed(self.list):
            daemon.stop()

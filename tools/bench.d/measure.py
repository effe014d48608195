"""What is read from the kernel about a process tree: CPU time, memory, system calls."""
import pathlib
import re
import subprocess

from lab.gateway import descendants


def tree(pid):
    return [pid, *descendants(pid)]


def cpu_ns(pid):
    """Time on CPU of all threads of all processes below pid, from the scheduler's own clock (the
    ticks of /proc/PID/stat are too coarse)."""
    total = 0
    for process in tree(pid):
        for task in pathlib.Path(f"/proc/{process}/task").glob("*/schedstat"):
            total += int(task.read_text().split()[0])
    return total


def resident_bytes(pid):
    total = 0
    for process in tree(pid):
        found = re.search(r"^VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{process}/status").read_text(), re.M)
        total += int(found.group(1)) * 1024 if found else 0
    return total


def machine_busy_ns():
    """Time that any CPU spent on anything but idling; shows what else ran."""
    user, nice, system, _, _, irq, softirq, steal, *_ = map(int, pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:])
    return (user + nice + system + irq + softirq + steal) * 10_000_000


class SyscallCount:
    """Counts the system calls of a process tree by strace while the context is open."""

    def __init__(self, pid, output):
        self.pid, self.output = pid, output
        self.calls = {}

    def __enter__(self):
        words = [word for process in tree(self.pid) for word in ("-p", str(process))]
        self.process = subprocess.Popen(["strace", "-c", "-f", "-qq", "-o", str(self.output), *words],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=20)
        for line in pathlib.Path(self.output).read_text().splitlines():
            words = line.split()
            if len(words) >= 5 and re.fullmatch(r"[\d.]+", words[0]) and words[-1] != "total":
                self.calls[words[-1]] = int(words[3])

    def total(self):
        return sum(self.calls.values())

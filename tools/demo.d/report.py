"""What the demo prints: lines and a table as it goes, or one JSON document at the end."""
import json
import time


class Report:
    def __init__(self, as_json):
        self.as_json = as_json
        self.start = time.monotonic()
        self.rows = []
        self.facts = {}
        self.errors = []

    def say(self, text):
        if not self.as_json:
            print(f"{time.monotonic() - self.start:5.1f}s  {text}", flush=True)

    def fact(self, name, value, text):
        self.facts[name] = value
        self.say(text)

    def row(self, row):
        self.rows.append(row)

    def failed(self, text):
        self.errors.append(text)
        self.say(f"FAILED: {text}")

    def problems(self):
        return [row for row in self.rows if row["problem"]]

    def hosts(self):
        """(hosts whose every request was answered as expected, all hosts)"""
        everything = {row["host"] for row in self.rows}
        return len(everything - {row["host"] for row in self.problems()}), len(everything)

    def table(self):
        """One line for each match: the answers over HTTP/2 and HTTP/1.1 side by side."""
        if self.as_json:
            return
        form = "  {:<32} {:<16} {:<38} {:>6} {:<9} {:>7}  {:>6} {:<9} {:>7}"
        print(form.format("HOST", "MATCH", "BACKEND", "STATUS", "PROTOCOL", "MS", "STATUS", "PROTOCOL", "MS"))
        for h2, h1 in zip(self.rows[::2], self.rows[1::2]):
            print(form.format(h2["host"], h2["match"], h2["backend"], h2["status"], h2["protocol"], h2["ms"],
                              h1["status"], h1["protocol"], h1["ms"]))
        for row in self.problems():
            print(f"  PROBLEM {row['protocol']} {row['host']}{row['match']}: {row['problem']}")
        print(flush=True)

    def hints(self, stage):
        self.say("it stays up. Try:")
        host = self.rows[0]["host"] if self.rows else "HOST"
        if not self.as_json:
            print(f"""    tools/demo curl https://{host}/            as the client on the LAN
    tools/demo curl -v --http1.1 https://{host}/
    tools/demo gwctl get httproutes -A
    tools/demo gwctl explain https://{host}/
    edit a file in {stage.manifests}
    tools/demo stop""", flush=True)

    def close(self):
        """The last line, and the exit status."""
        good, total = self.hosts()
        ok = good == total > 0 and not self.errors
        if self.as_json:
            print(json.dumps({"ok": ok, "hosts_ok": good, "hosts": total, "requests": self.rows, **self.facts,
                              "errors": self.errors}, indent=2))
        else:
            print(f"{good}/{total} hosts {'ok' if ok else 'answered; the demo FAILED'}", flush=True)
        return 0 if ok else 1

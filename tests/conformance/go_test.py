"""The Go programs of the laboratory: format, vet, unit tests. No namespace, no root."""
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from cluster import FOLDER  # noqa: E402
from cluster.programs import BuildFailed, go, sources  # noqa: E402


class Go(unittest.TestCase):
    def assert_passes(self, *words):
        try:
            print(go(*words), flush=True)
        except BuildFailed as error:
            self.fail(str(error))

    def test_format(self):
        done = subprocess.run(["gofmt", "-l", *sources()], cwd=FOLDER, text=True, capture_output=True)
        self.assertEqual(done.stdout + done.stderr, "")

    def test_vet(self):
        self.assert_passes("vet", "./...")

    def test_units(self):
        self.assert_passes("test", "./...")


if __name__ == "__main__":
    if shutil.which("go") is None:
        print("SKIP: no go (tools/setup --for conformance installs it)")
        sys.exit(77)
    unittest.main(verbosity=2)

"""The conformance suite itself, on both channels of the Gateway API, as tools/conformance runs it."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from cluster import ROOT  # noqa: E402
from cluster.case import bin_folder, main  # noqa: E402
from cluster.laboratory import CHANNELS  # noqa: E402


class Suite(unittest.TestCase):
    def test_every_claimed_test_passes(self):
        for channel in CHANNELS:
            with self.subTest(channel), tempfile.TemporaryDirectory(prefix="sluice-suite-") as output:
                done = subprocess.run([ROOT / "tools" / "conformance", "--channel", channel, "--output", output,
                                       "--sluice-build", bin_folder().parent], text=True, capture_output=True)
                table = done.stdout
                print(f"{channel}: {table.strip().splitlines()[-1] if table.strip() else 'no result'}", flush=True)
                self.assertEqual(done.returncode, 0, f"{table}\n{done.stderr}")
                self.assertIn(" 0 skipped", table)


if __name__ == "__main__":
    main()

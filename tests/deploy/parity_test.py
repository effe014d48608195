#!/usr/bin/env python3
"""parity_test.py BIN: what the API server refuses in an AddressPool or GatewayParameters, gwctl refuses in
a file, and what it accepts is accepted. The objects and what to expect: testdata/.

Two answers differ on purpose: an unknown field is an error to a strict server and a warning in a file,
and a range that is listed twice does no harm in a file.
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

import yaml

import manifests

KINDS = ("AddressPool", "GatewayParameters")


def analyze(document):
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "object.yaml").write_text(yaml.safe_dump(document))
        return subprocess.run([BIN / "gwctl", "analyze", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class Parity(unittest.TestCase):
    def test_file_and_api_server_agree(self):
        for file in sorted((manifests.SOURCE / "tests/deploy/testdata").glob("*.yaml")):
            for document in manifests.load(file.read_text()):
                if document["kind"] not in KINDS:
                    continue
                expect = document["metadata"].pop("annotations", {}).get("expect", "")
                with self.subTest(manifests.key(document)):
                    self.judge(analyze(document), expect)

    def judge(self, done, expect):
        if expect.startswith("unknown field "):
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertIn(expect.removeprefix("unknown field ") + ": unknown field", done.stdout)
        elif not expect or "Duplicate value" in expect:
            self.assertEqual(done.returncode, 0, done.stdout)
        else:
            self.assertEqual(done.returncode, 1, done.stdout)


if __name__ == "__main__":
    BIN = pathlib.Path(sys.argv.pop(1))
    unittest.main()

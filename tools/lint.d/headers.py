#!/usr/bin/python3
"""headers.py COMPILE_COMMANDS: each header of the tree compiles alone.

A header x.h that x.cc includes first is proven by the build. The others are compiled here, with the
flags of a source file of the same target.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("dataplane", "control", "gateway-api", "certs", "tools", "tests")


def first_include(source):
    found = re.search(r'^#include "([^"]+)"', source.read_text(), re.M)
    return found.group(1) if found else None


def proven_by_build(header):
    source = header.with_suffix(".cc")
    return source.exists() and first_include(source) in (str(header.relative_to(ROOT)), header.name)


def flags_by_folder(path):
    """Compiler and flags of one source file of each folder, without what names the file itself."""
    flags = {}
    for entry in json.loads(path.read_text()):
        words = shlex.split(entry["command"])
        words = words[next(i for i, word in enumerate(words) if "clang" in word or "g++" in word):]
        words = words[: words.index("-o")]
        folder = pathlib.Path(entry["file"]).parent
        if not folder.is_relative_to(ROOT):
            continue
        folder = folder.relative_to(ROOT)
        flags.setdefault(str(folder), (entry["directory"], words))
        if folder.parts[:2] == ("tests", "unit"):  # a folder of headers only is seen by its tests
            flags.setdefault(str(pathlib.Path(*folder.parts[2:])), (entry["directory"], words))
    return flags


def compile_alone(header, directory, words):
    unit = f'#include "{header}"\n'  # by path: test headers are in no include root
    done = subprocess.run([*words, "-fsyntax-only", "-x", "c++", "-"], input=unit, text=True,
                          cwd=directory, capture_output=True)
    return done.returncode == 0, done.stderr


def main():
    flags = flags_by_folder(pathlib.Path(sys.argv[1]))
    headers = sorted(h for folder in FOLDERS for h in (ROOT / folder).rglob("*.h"))
    left = [h for h in headers if not proven_by_build(h)]
    jobs, unknown = {}, []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header in left:
            found = flags.get(str(header.parent.relative_to(ROOT)))
            if found is None:
                unknown.append(header)
                continue
            jobs[pool.submit(compile_alone, header, *found)] = header
        bad = [(jobs[job], job.result()[1]) for job in concurrent.futures.as_completed(jobs) if not job.result()[0]]
    for header, message in bad:
        print(f"{header.relative_to(ROOT)} does not compile alone:\n{message}")
    for header in unknown:
        print(f"{header.relative_to(ROOT)}: no source file or test compiles in its folder")
    print(f"{len(headers)} headers: {len(headers) - len(left)} by the build, {len(jobs)} alone, {len(bad)} bad")
    sys.exit(1 if bad or unknown else 0)


if __name__ == "__main__":
    main()

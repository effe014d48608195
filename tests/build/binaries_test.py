#!/usr/bin/python3
"""binaries_test.py BINARY...: what we ship needs libc alone and is hardened as SECURITY.md says.

Position independent, full RELRO with immediate binding, no executable stack, no run path, and no
symbol of a library that is linked in is visible to others.
"""
import re
import subprocess
import sys

LIBC = {"libc.so.6", "libm.so.6"}
LOADER = re.compile(r"ld-linux.*\.so\.\d+")


def readelf(*arguments):
    return subprocess.run(["readelf", "-W", *arguments], check=True, capture_output=True, text=True).stdout


def faults(binary):
    dynamic = readelf("-d", binary)
    for library in re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic):
        if library not in LIBC and not LOADER.fullmatch(library):
            yield f"needs {library}"
    if not re.search(r"Type:\s+DYN", readelf("-h", binary)):
        yield "is not position independent"
    if "BIND_NOW" not in dynamic:
        yield "binds lazily"
    if re.search(r"\((RPATH|RUNPATH)\)", dynamic):
        yield "has a run path"
    segments = readelf("-l", binary)
    if "GNU_RELRO" not in segments:
        yield "has no RELRO"
    stack = re.search(r"GNU_STACK.*", segments)
    if not stack or "RWE" in stack.group():
        yield "has an executable stack"
    exported = [line.split()[-1] for line in readelf("--dyn-syms", binary).splitlines()
                if re.search(r"\b(GLOBAL|WEAK)\b.*\b(DEFAULT)\b\s+\d+\s", line)]
    for symbol in exported:
        if re.match(r"(SSL_|EVP_|nghttp2_|llhttp_|bpf_|curl_|_ZN4absl|_ZN6google)", symbol):
            yield f"exports {symbol}"


def main():
    bad = [f"{binary}: {fault}" for binary in sys.argv[1:] for fault in faults(binary)]
    print("\n".join(bad) or f"{len(sys.argv) - 1} binaries as they should be")
    sys.exit(1 if bad else 0)


main()

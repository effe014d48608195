#!/usr/bin/python3
"""summary.py FOLDER: counts what tools/test ran, from ctest's JUnit files and its own steps.

Prints the failed and the skipped tests (with their reasons) and the closing line. Exits with 1 if
anything failed, or if a group of tests that should have run is empty.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree


def skip_reason(case):
    """The reason that the test printed: googletest's 'Skipped' line or our 'SKIP: ...'."""
    output = case.findtext("system-out") or ""
    found = re.search(r"^SKIP: (.+)$", output, re.M) or re.search(r": Skipped\n(.+)$", output, re.M)
    if found:
        return found.group(1).strip()
    skipped = case.find("skipped")
    return (skipped.get("message") if skipped is not None else None) or "no reason given"


def read_group(path):
    """(passed, failed names, {skipped name: reason}) of one JUnit file."""
    passed, failed, skipped = 0, [], {}
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name, status = case.get("name"), case.get("status")
        if status == "run":
            passed += 1
        elif status in ("notrun", "disabled") and case.find("skipped") is not None:
            skipped[name] = skip_reason(case)
        else:
            failed.append(name)
    return passed, failed, skipped


def main():
    folder = pathlib.Path(sys.argv[1])
    passed, failed, skipped = 0, [], {}
    for line in (folder / "steps").read_text().splitlines() if (folder / "steps").exists() else []:
        status, name = line.split(" ", 1)
        if status == "passed":
            passed += 1
        else:
            failed.append(f"{name} (see {folder}/{name}.log)")
    for path in sorted(folder.glob("*.xml")):
        group = path.stem
        good, bad, left_out = read_group(path)
        print(f"{group:>8}: {good} passed, {len(bad)} failed, {len(left_out)} skipped")
        passed += good
        failed += [f"{group}: {name} (see {folder}/{group}.log)" for name in bad]
        skipped.update({f"{group}: {name}": reason for name, reason in left_out.items()})
        if not good and not bad and not left_out:
            failed.append(f"{group}: no test ran")
    for name, reason in sorted(skipped.items()):
        print(f"skipped  {name}: {reason}")
    for name in failed:
        print(f"FAILED   {name}")
    print(f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

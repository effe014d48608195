"""The suite's results for people, and the record of a published run."""
import collections
import pathlib

import yaml


def table(result):
    """Test by test, failures first; then what is not claimed, and the counts."""
    order = {"FAIL": 0, "SKIP": 1, "PASS": 2}
    lines = []
    for test in sorted((test for test in result.tests if test.outcome in order), key=lambda test: (order[test.outcome], test.name)):
        lines.append(f"{test.outcome}  {test.seconds:6.1f} s  {test.name}{'  ' + shorten(test.reason) if test.reason else ''}")
    lines += [f"not claimed: {feature}: {', '.join(names)}" for feature, names in unclaimed(result)]
    lines.append(summary(result))
    return "\n".join(lines)


def unclaimed(result):
    """[(feature, tests)] of the gateway's features; meshes are another kind of thing."""
    by_feature = collections.defaultdict(list)
    for test in result.tests:
        if test.outcome == "UNCLAIMED" and test.reason != "Mesh":
            by_feature[test.reason].append(test.name)
    return sorted(by_feature.items())


def shorten(text, length=220):
    text = " ".join(text.split())
    return text if len(text) <= length else text[:length - 3] + "..."


def summary(result):
    return (f"{result.count('PASS')} passed, {result.count('FAIL')} failed, {result.count('SKIP')} skipped "
            f"in {result.seconds:.0f} s (exit status {result.status})")


def profiles(report):
    """The profiles of the suite's report as lines: core and extended, passed of all."""
    lines = []
    for profile in sorted(report.get("profiles", []), key=lambda found: found["name"]):
        words = [profile["name"]]
        for part in ("core", "extended"):
            counts = profile.get(part, {}).get("statistics")
            if counts:
                total = counts["Passed"] + counts["Failed"] + counts["Skipped"]
                words.append(f"{part} {counts['Passed']}/{total}")
        lines.append("  ".join(words))
    return lines


def tidy_report(path):
    """The suite writes profiles in no order: sorted, so that two reports can be compared."""
    report = yaml.safe_load(pathlib.Path(path).read_text())
    report["profiles"] = sorted(report.get("profiles", []), key=lambda found: found["name"])
    for key in ("succeededProvisionalTests",):
        if key in report:
            report[key] = sorted(report[key])
    return report


def record(result, report_path, folder, name):
    """Writes the suite's report and a table beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    report = tidy_report(report_path)
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(report, sort_keys=True))
    counted = collections.Counter(test.outcome for test in result.tests)
    ran = [test for test in result.tests if test.outcome != "UNCLAIMED"]
    rows = [f"| {test.name} | {test.outcome.lower()} | {test.seconds:.1f} |" for test in sorted(ran, key=lambda t: t.name)]
    text = [f"# Gateway API {report.get('gatewayAPIVersion', '')}, {report.get('gatewayAPIChannel', '')} channel", "",
            f"{counted['PASS']} passed, {counted['FAIL']} failed, {counted['SKIP']} skipped in {result.seconds:.0f} s.",
            "", *(f"- {line}" for line in profiles(report)), "", "Not claimed, and so not run:", "",
            *(f"- {feature} ({len(names)})" for feature, names in unclaimed(result)), "", "| test | outcome | s |", "| --- | --- | ---: |", *rows, ""]
    (folder / f"{name}.md").write_text("\n".join(text))

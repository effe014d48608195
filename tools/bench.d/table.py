"""The results as a Markdown table: medians, and Sluice beside the best of the others."""
from loads import LOADS


def render(results):
    cells = {(cell["load"], cell["proxy"]): cell for cell in results["cells"]}
    names = list(dict.fromkeys(cell["proxy"] for cell in results["cells"] + results["idle"]))
    lines = [f"{results['cpu']}, Linux {results['kernel']}, {results['date']}" + (" (quick: not for quoting)" if results["quick"] else ""), ""]
    if cells:
        lines += header("CPU us per request", names)
        for load in LOADS:
            row = {name: cells[load.name, name]["cpu_us"] for name in names if (load.name, name) in cells}
            if row:
                lines.append(line(load.text, names, row, "{:.1f}"))
        lines += ["", *header("system calls per request", names)]
        for load in LOADS:
            row = {name: cells[load.name, name]["syscalls"] for name in names if cells.get((load.name, name), {}).get("syscalls")}
            if row:
                lines.append(line(load.text, names, row, "{:.2f}"))
    if results["idle"]:
        lines += ["", *header("kB per idle connection", names)]
        for load, text in (("idle", "plain"), ("idle-tls", "TLS")):
            row = {cell["proxy"]: cell["bytes_per_connection"] / 1024 for cell in results["idle"] if cell["load"] == load}
            if row:
                lines.append(line(text, names, row, "{:.1f}"))
    if results["xdp"]:
        lines += ["", "| ns per packet in XDP | |", "| --- | --- |"]
        lines += [f"| {name} | {value if isinstance(value, str) else f'{value:.0f}'} |" for name, value in results["xdp"].items()]
    for entry in results["left_out"]:
        lines.append(f"\nskipped: {entry['what']}: {entry['why'].splitlines()[0]}")
    return "\n".join(lines)


def header(title, names):
    columns = [title, *names, "sluice / best other"]
    return ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]


def line(text, names, row, form):
    others = [value for name, value in row.items() if name != "sluice"]
    ratio = f"{row['sluice'] / min(others):.2f}" if "sluice" in row and others and min(others) > 0 else ""
    return "| " + " | ".join([text, *(form.format(row[name]) if name in row else "-" for name in names), ratio]) + " |"

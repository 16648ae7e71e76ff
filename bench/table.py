#!/usr/bin/env python3
"""bench.json as the tables of docs/performance.md.

    bench/table.py [build/bench.json]           prints Markdown
    bench/table.py [build/bench.json] --write   puts it into docs/performance.md, between the two marks
"""

import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(HERE, "../docs/performance.md")
BEGIN, END = "<!-- figures: made by bench/table.py -->", "<!-- end of figures -->"

# Title -> what the names begin with, in the order of the page.
SECTIONS = [
    ("Calls of the API", ("api.", "peer.", "placed.")),
    ("Deciding, in memory", ("core.",)),
    ("Deciding and storing", ("store.",)),
    ("How cost grows", ("grow.",)),
    ("Start, memory, idling", ("start.", "memory.", "idle.")),
    ("Services", ("services.",)),
    ("Agents", ("agents.", "agent.", "fleet.")),
    ("Docker", ("docker.",)),
    ("What the machine can do", ("floor.",)),
]


def shown(entry):
    value = entry["value"]
    if value is None:
        return "none"
    digits = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits} {entry['unit']}".strip()


def table(entries):
    """Latencies stand in the row of their call."""
    names = {entry["name"]: entry for entry in entries}
    lines = ["| figure | value | p50, p99, max | aim | beside a peer; notes |", "|---|---|---|---|---|"]
    for entry in entries:
        name = entry["name"]
        if re.search(r"\.(p50|p99|max)$", name) and name.rsplit(".", 1)[0] in names:
            continue
        late = [names.get(f"{name}.{part}") for part in ("p50", "p99", "max")]
        latency = ", ".join(f"{part['value']:.3g}" for part in late if part) + (" ms" if late[0] else "")
        notes = "; ".join(text for text in (entry.get("peer"), entry.get("note")) if text)
        lines.append(f"| `{name}` | {shown(entry)} | {latency} | {entry.get('aim', '')} | {notes} |")
    return lines


def page(entries):
    lines = []
    machines = sorted({entry["machine"] for entry in entries if "machine" in entry})
    lines += [f"Measured on {machine}." for machine in machines]
    for title, heads in SECTIONS:
        part = [entry for entry in entries if entry["name"].startswith(heads)]
        if part:
            lines += ["", f"### {title}", ""] + table(part)
    return "\n".join(lines)


def main(argv):
    paths = [arg for arg in argv[1:] if not arg.startswith("--")]
    with open(paths[0] if paths else os.path.join(HERE, "../build/bench.json")) as text:
        figures = page(json.load(text))
    if "--write" not in argv:
        print(figures)
        return 0
    with open(PAGE) as text:
        before, _, rest = text.read().partition(BEGIN)
    after = rest.partition(END)[2]
    with open(PAGE, "w") as out:
        out.write(f"{before}{BEGIN}\n{figures}\n{END}{after}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))

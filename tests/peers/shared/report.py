"""Makes the table of the figures that the drivers printed, and puts it between the markers of docs/benchmarks.md."""

import os
import platform
import statistics
import sys

import figures as of
import peers

BEGIN = "<!-- peers: written by tests/peers/run -->"
END = "<!-- peers: end -->"


def machine() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = {line.split(":", 1)[1].strip() for line in file if line.startswith("model name")}
    with open("/proc/meminfo", encoding="ascii") as file:
        gib = int(file.readline().split()[1]) / (1 << 20)
    model = ", ".join(sorted(models)) or platform.machine()
    return f"{os.cpu_count()} cores ({model}), {gib:.0f} GiB, {platform.system()} {platform.release().split('-')[0]}"


def cell(row: of.Row, entry: dict) -> tuple[str, float | None]:
    """What stands in a cell, and what it is ranked by."""
    if "missing" in entry:
        return "-", None
    runs = entry.get(row.phase, [])
    failed = [run["failed"] for run in runs if "failed" in run]
    if failed:
        return "failed", None
    values = [row.values(run) for run in runs]
    values = [value for value in values if value is not None]
    if not values:
        return row.none, None
    # The median of each figure over the rounds.
    middle = [statistics.median(figure) for figure in zip(*values)]
    return row.show(middle), row.rank(middle) if row.rank else None


def table_rows(figures: dict, work: dict, names: list[str]) -> list[str]:
    lines = []
    for row in of.rows(work):
        cells = [cell(row, figures[name]) for name in names]
        ranks = [rank for _, rank in cells if rank is not None]
        best = (max if row.more else min)(ranks) if ranks else None
        texts = []
        for text, rank in cells:
            # What rounds to the same as the best is as good.
            ties = rank is not None and best is not None and row.show_rank(rank) == row.show_rank(best)
            texts.append(f"**{text}**" if ties else text)
        lines.append(f"| {row.title} | " + " | ".join(texts) + " |")
    return lines


def stores(figures: dict, names: list[str]) -> list[str]:
    """Each durable store, with what it says of itself and the syncs that were counted."""
    lines = []
    for name in names:
        runs = [run for run in figures[name].get("syncs", []) if "failed" not in run]
        if not runs:
            continue
        run = runs[-1]
        one, many = (of.syncs_each(arm)(run) for arm in ("one", "many"))
        counted = f"{one[0]:.2f} and {many[0]:.2f} syncs for each append" if one and many else "syncs not counted"
        lines.append(f"- {title(name)}: {run['stated']}; {counted}.")
    return lines


def title(name: str) -> str:
    return next(peer.title for peer in peers.ALL if peer.name == name)


def same_promise(figures: dict, work: dict, names: list[str]) -> str:
    """Highwater's durable appends of many writers against those of the peers that wait for the disk as it does."""
    rates = {}
    for name in names:
        runs = [run for run in figures[name].get("syncs", []) if "failed" not in run]
        appended = [run["many"] for run in figures[name].get("appends", []) if "failed" not in run]
        if runs and appended and of.waits_for_disk(runs[-1]):
            rates[name] = statistics.median(appended)
    ours = rates.pop("highwater", None)
    if ours is None or not rates:
        return "No peer was counted that syncs before an append is acknowledged, as Highwater does."
    fastest = max(rates, key=rates.__getitem__)
    return (
        "By the syncs that were counted, these peers sync before an append is acknowledged, as Highwater does: "
        f"{', '.join(title(name) for name in rates)}. With {work['appends']['writers']} writers the fastest of them, "
        f"{title(fastest)}, has {of.brief(rates[fastest])} appends/s; Highwater has {of.brief(ours)}, "
        f"{of.brief(ours / rates[fastest])} times as many."
    )


def played(figures: dict) -> str:
    """How often all was played."""
    present = [(name, entry) for name, entry in figures.items() if "missing" not in entry]
    counts = [len(entry[phase]) for _, entry in present for phase in of.IN_ROUNDS if phase in entry]
    rounds = f"Medians of {spread(counts)} rounds, all in turn" if counts else "Nothing was played in rounds"
    crowds = {name: len(entry["crowd"]) for name, entry in present if "crowd" in entry}
    most = max(crowds.values(), default=0)
    fewer = [f"by {title(name)} {times(count)}" for name, count in crowds.items() if count < most]
    crowd = ", ".join([f"the crowd was played {times(most)}", *fewer])
    return f"{rounds}; {crowd}; syncs were counted once."


def spread(counts: list[int]) -> str:
    return f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def section(figures: dict, work: dict, quick: bool) -> str:
    names = [peer.name for peer in peers.ALL if peer.name in figures]
    titles = [peer.title for peer in peers.ALL if peer.name in figures]
    local = os.path.join(peers.TESTS, ".local")
    versions = [f"Highwater {peers.highwater_version()}"]
    for peer in peers.ALL:
        if peer.name in figures and "missing" not in figures[peer.name] and peer.packages:
            versions.append(peer.versions(local))
    python = f"Python {sys.version.split()[0]}"
    missing = [
        f"- {peer.title}: {figures[peer.name]['missing']}."
        for peer in peers.ALL
        if "missing" in figures.get(peer.name, {})
    ]
    lines = [
        f"Machine: {machine()}. {played(figures)}"
        + (" Quick: a small workload, nothing to be cited." if quick else ""),
        "",
        f"Versions: {'; '.join(versions)}; {python}.",
        "",
        "| what | " + " | ".join(titles) + " |",
        "|---|" + "---|" * len(titles),
        *table_rows(figures, work, names),
        "",
        same_promise(figures, work, names),
        "",
        "The stores, as they come, with the syncs for each append of one writer and of many:",
        "",
        *stores(figures, names),
    ]
    if missing:
        lines += ["", "Not played:", "", *missing]
    return "\n".join(lines)


def into_docs(text: str, path: str) -> None:
    """Replaces what stands between the markers."""
    with open(path, encoding="utf-8") as file:
        before, rest = file.read().split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n{text}\n{END}{after}")

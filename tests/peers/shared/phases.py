"""The phases of the workload as every Python driver plays them, and its command line: it prints one JSON object of raw
figures, and the runner makes the table of it.
"""

import asyncio
import contextlib
import json
import sys
import tempfile
import time

from measure import Measure, Peer


def memory_mib(which: str) -> float:
    """What the system says that this process holds (`VmRSS`), or held at most (`VmHWM`), in MiB."""
    with open("/proc/self/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith(which))
    return int(line.split()[1]) / 1024


async def timed_turn(peer: Peer, session, said: dict, due: float | None = None) -> None:
    """A turn, timed from when it was due: a process that stands still makes it late."""
    spent: list[float] = []
    started = due if due is not None else peer.measure.now()
    await peer.turn(session, said, spent)
    peer.measure.turns.append([started, peer.measure.now(), sum(spent)])


async def alone(peer: Peer, phase: dict) -> dict:
    session = await peer.open("alone", [])
    heart = asyncio.create_task(peer.measure.heartbeat(peer.work["heartbeat_ms"]))
    for said in phase["turns"]:
        await timed_turn(peer, session, said)
        await asyncio.sleep(phase["think_ms"] / 1e3)
    heart.cancel()
    return peer.measure.report()


async def crowd(peer: Peer, phase: dict) -> dict:
    sessions = []
    for number in range(phase["sessions"]):
        name = f"s{number}"
        # The name makes the texts the session's own, so that nothing can be summarized once for all of them.
        sessions.append(await peer.open(name, [f"{name} {text}" for text in phase["filled"]]))

    started, now = peer.measure.now(), peer.measure.now

    async def play(session) -> None:
        due = started
        for said in phase["turns"]:
            await asyncio.sleep(max(0.0, due - now()) / 1e3)
            await timed_turn(peer, session, said, due)
            due = now() + phase["think_ms"]

    await asyncio.gather(*(play(session) for session in sessions))
    turns_wall_ms = now() - started
    await peer.measure.quiet()
    return {**peer.measure.report(), "turns_wall_ms": turns_wall_ms}


async def losses(peer: Peer, phase: dict) -> dict:
    """Entries that are appended while a turn runs and, where the session is full, while a compaction is under way."""
    found: dict = {"stored": {}, "wait_ms": {}, "view": {}}
    measure, now = peer.measure, peer.measure.now
    arms = [("same", True), ("other", True), ("control_same", False), ("control_other", False)]
    for arm, full in arms:
        filled = phase["filled"] if full else phase["filled"][: phase["few"]]
        session = await peer.open(arm, [f"{arm} {text}" for text in filled])
        second = await peer.again(session) if arm.endswith("other") else session
        measure.summarizing_since = None
        turn = asyncio.create_task(timed_turn(peer, session, phase["turn"]))
        await asyncio.sleep(0)
        while full and measure.summarizing_since is None and not turn.done():
            await asyncio.sleep(0.005)
        due, longest = measure.summarizing_since or now(), 0.0
        for text in phase["appended"]:
            # An append is due 20 ms after the one before; a process that stands still makes it late.
            due += 20
            await asyncio.sleep(max(0.0, due - now()) / 1e3)
            await peer.append(second, text)
            longest, due = max(longest, now() - due), now()
        await turn
        await measure.quiet()
        found["stored"][arm] = await peer.stored(session)
        found["wait_ms"][arm] = longest
        found["view"][arm] = await peer.view(session)
    return found


async def write_for(peer: Peer, writers: list, text: str, seconds: float) -> float:
    """Each writer appends, one after another, until the time is over; how many a second that were of all."""
    started = time.perf_counter()

    async def write(writer) -> int:
        count = 0
        while time.perf_counter() < started + seconds:
            await peer.write(writer, f"{count} {text}")
            count += 1
        return count

    counts = await asyncio.gather(*(write(writer) for writer in writers))
    return sum(counts) / (time.perf_counter() - started)


async def open_writers(peer: Peer, arm: str, count: int) -> list:
    return [await peer.writer(f"{arm}-{number}") for number in range(count)]


async def appends(peer: Peer, phase: dict) -> dict:
    rates: dict[str, float] = {}
    for arm, count in (("one", 1), ("many", phase["writers"])):
        # Others warm up: some stores are slower the longer a session is.
        others = await open_writers(peer, f"before-{arm}", count)
        writers = await open_writers(peer, arm, count)
        await write_for(peer, others, phase["text"], phase["warm_up_ms"] / 1e3)
        rates[arm] = await write_for(peer, writers, phase["text"], phase["seconds"])
    return rates


async def syncs(peer: Peer, phase: dict) -> dict:
    """Appends that are traced, by one writer and by many: how many, and when."""
    found: dict = {}

    async def write(writer, count: int) -> None:
        for number in range(count):
            await peer.write(writer, f"{number} {phase['text']}")

    for arm, count, each in (("one", 1, phase["counted"]), ("many", phase["writers"], phase["counted_each"])):
        writers = await open_writers(peer, arm, count)
        await asyncio.gather(*(write(writer, 1) for writer in writers))
        started = time.time()
        await asyncio.gather(*(write(writer, each) for writer in writers))
        found[arm] = {"appends": count * each, "from": started, "to": time.time()}
    return {**found, "stated": await peer.stated()}


async def play(make, phase: str, work: dict, dir: str) -> dict:
    settings = work["appends" if phase == "syncs" else phase]
    measure = Measure()
    measure.summary = work["summary"]
    measure.turn_ms = settings.get("turn_ms", 0)
    measure.summary_ms = settings.get("summary_ms", 0)
    peer = make(work, measure, dir)
    await peer.start()
    before = memory_mib("VmRSS")
    phases = {"steady": alone, "leisure": alone, "crowd": crowd, "losses": losses, "appends": appends, "syncs": syncs}
    found = await phases[phase](peer, settings)
    after, peak = memory_mib("VmRSS"), memory_mib("VmHWM")
    with contextlib.suppress(Exception):
        await peer.stop()
    return {**found, "rss_before": before, "rss_after": after, "rss_peak": peak}


def main(make) -> None:
    if len(sys.argv) != 3:
        sys.exit("usage: driver.py steady|leisure|crowd|losses|appends|syncs WORKLOAD.json")
    with open(sys.argv[2], encoding="ascii") as file:
        work = json.load(file)
    with tempfile.TemporaryDirectory(prefix="peer-") as dir:
        print(json.dumps(asyncio.run(play(make, sys.argv[1], work, dir))))

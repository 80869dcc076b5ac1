"""What a Python driver implements, `Peer`, and what it measures: turns and summarizer calls with their times, calls at
once, and freezes of an unrelated task. The fake models are here.
"""

import asyncio
import threading
import time


class Measure:
    """What was seen so far, and the fake models. Safe to use from several threads and event loops."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.lock = threading.Lock()
        self.turns: list[list[float]] = []
        self.passes: list[list[float]] = []
        self.calls = 0
        self.peak_calls = 0
        self.freeze_ms = 0.0
        self.summarizing_since: float | None = None
        # Set by the phase that is played.
        self.turn_ms = 0
        self.summary_ms = 0
        self.summary = ""

    def now(self) -> float:
        """Milliseconds since the beginning."""
        return (time.perf_counter() - self.started) * 1e3

    async def model_call(self, spent: list[float]) -> None:
        """The model of a turn: takes as long as the phase says, and notes how long it really took."""
        started = self.now()
        await asyncio.sleep(self.turn_ms / 1e3)
        spent.append(self.now() - started)

    async def summary_call(self) -> str:
        """The model that summarizes."""
        started = self.now()
        with self.lock:
            self.calls += 1
            self.peak_calls = max(self.peak_calls, self.calls)
            self.summarizing_since = self.summarizing_since or started
        try:
            await asyncio.sleep(self.summary_ms / 1e3)
        finally:
            with self.lock:
                self.calls -= 1
                self.passes.append([started, self.now()])
        return self.summary

    async def heartbeat(self, every_ms: int) -> None:
        """An unrelated task that wants to run every so often, for ever."""
        while True:
            started = self.now()
            await asyncio.sleep(every_ms / 1e3)
            self.freeze_ms = max(self.freeze_ms, self.now() - started - every_ms)

    async def quiet(self) -> None:
        """Waits until no summarizer call is under way, nor has been for a while."""
        idle = 0
        while idle < 10:
            await asyncio.sleep(0.02)
            idle = 0 if self.calls else idle + 1

    def report(self) -> dict:
        return {
            "turns": self.turns,
            "passes": self.passes,
            "peak_calls": self.peak_calls,
            "freeze_ms": self.freeze_ms,
        }


class Peer:
    """What a driver implements. `dir` is an empty directory for the peer's store."""

    def __init__(self, work: dict, measure: Measure, dir: str) -> None:
        self.work, self.measure, self.dir = work, measure, dir

    async def start(self) -> None:
        """Opens the store."""

    async def stop(self) -> None:
        """Closes the store."""

    async def open(self, name: str, texts: list[str]):
        """A new session with these messages, by turns of the user and the assistant."""
        raise NotImplementedError

    async def again(self, session):
        """A second handle of the same session, as another request handler of the same process would get it."""
        raise NotImplementedError

    async def turn(self, session, said: dict, spent: list[float]) -> None:
        """One turn, the documented way. The model answers `said["assistant"]` after `measure.model_call(spent)`."""
        raise NotImplementedError

    async def append(self, session, text: str) -> None:
        """Appends a message of the user outside of a turn, durable as far as the peer's store is."""
        raise NotImplementedError

    async def stored(self, session) -> list[str]:
        """The texts of all messages that the store has."""
        raise NotImplementedError

    async def view(self, session) -> list[str]:
        """The texts that the model would be sent next."""
        return await self.stored(session)

    async def writer(self, name: str):
        """A session that is only appended to, opened."""
        return await self.open(name, [])

    async def write(self, writer, text: str) -> None:
        """A durable append."""
        await self.append(writer, text)

    async def stated(self) -> str:
        """What the store says of itself: its settings as read from it."""
        return ""

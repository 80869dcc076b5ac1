"""OpenAI Agents SDK: `Runner.run` with `OpenAIResponsesCompactionSession` over `SQLiteSession` on a file.

Used as its documentation shows it: the runner compacts after a turn when the hook says so, within `Runner.run`. What
the compaction call answers is the provider's choice; the fake keeps the tail that all peers keep, behind one item.
"""

import asyncio
import contextvars
import os
import sys
import types

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "shared"))
os.environ["OPENAI_AGENTS_DISABLE_TRACING"] = "1"

import measure  # noqa: E402
import phases  # noqa: E402
from agents import Agent, Model, ModelResponse, Runner, SQLiteSession, Usage  # noqa: E402
from agents.memory import OpenAIResponsesCompactionSession  # noqa: E402
from openai.types.responses import ResponseOutputMessage, ResponseOutputText  # noqa: E402

# The threads of asyncio's pool, as it counts them by itself.
POOL = min(32, (os.cpu_count() or 1) + 4)
# What the model of the running turn answers, and where it notes the time that it took.
turn_of = contextvars.ContextVar("turn_of")


class Fake(Model):
    """A model in this process."""

    def __init__(self, peer: "OpenAiAgents") -> None:
        self.peer = peer

    async def get_response(self, *args, **kwargs) -> ModelResponse:
        said, spent = turn_of.get()
        await self.peer.measure.model_call(spent)
        text = ResponseOutputText(type="output_text", text=said, annotations=[])
        message = ResponseOutputMessage(
            id=self.peer.fresh("msg"), type="message", role="assistant", status="completed", content=[text]
        )
        return ModelResponse(output=[message], usage=Usage(), response_id=self.peer.fresh("resp"))

    def stream_response(self, *args, **kwargs):
        raise NotImplementedError("nothing is streamed here")


class OpenAiAgents(measure.Peer):
    async def start(self) -> None:
        self.path = os.path.join(self.dir, "sessions.sqlite")
        self.ids = 0
        self.agent = Agent(name="peer", model=Fake(self))
        # Stands where the SDK expects an `AsyncOpenAI`; nothing but this call is used.
        self.client = types.SimpleNamespace(responses=types.SimpleNamespace(compact=self.compact))

    def fresh(self, kind: str) -> str:
        self.ids += 1
        return f"{kind}_{self.ids}"

    async def compact(self, *, input: list, **_):
        summary = await self.measure.summary_call()
        item = {"type": "compaction", "id": self.fresh("cmp"), "encrypted_content": summary}
        return types.SimpleNamespace(output=[item, *input[-self.work["kept_messages"] :]], usage=None)

    def handle(self, name: str):
        return OpenAIResponsesCompactionSession(
            name,
            SQLiteSession(name, self.path),
            client=self.client,
            compaction_mode="input",
            should_trigger_compaction=lambda seen: len(seen["session_items"]) >= self.work["trigger_messages"],
        )

    async def open(self, name: str, texts: list[str]):
        session = self.handle(name)
        kinds = ("user", "assistant")
        if texts:
            await session.add_items([{"role": kinds[at % 2], "content": text} for at, text in enumerate(texts)])
        return session

    async def again(self, session):
        return self.handle(session.session_id)

    async def turn(self, session, said, spent) -> None:
        turn_of.set((said["assistant"], spent))
        await Runner.run(self.agent, said["user"], session=session)

    async def append(self, session, text: str) -> None:
        await session.add_items([{"role": "user", "content": text}])

    async def writer(self, name: str):
        session = self.handle(name)
        # Each thread of the pool opens a connection to a session when it first serves it, and syncs the folder when it
        # first writes: all of them do, before the session is used.
        files = session.underlying_session
        await asyncio.gather(*(files.add_items([{"role": "user", "content": "Hello"}]) for _ in range(2 * POOL)))
        return session

    async def stored(self, session) -> list[str]:
        # From the file, past whatever the handle has cached.
        items = await SQLiteSession(session.session_id, self.path).get_items()
        texts = [item.get("content") or item.get("encrypted_content", "") for item in items]
        return [text if isinstance(text, str) else "".join(part["text"] for part in text) for text in texts]

    async def stated(self) -> str:
        connection = SQLiteSession("stated", self.path)._get_connection()
        names = ("journal_mode", "synchronous")
        return "SQLite " + ", ".join(f"{n}={connection.execute(f'PRAGMA {n}').fetchone()[0]}" for n in names)


if __name__ == "__main__":
    phases.main(OpenAiAgents)

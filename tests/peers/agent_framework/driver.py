"""Microsoft Agent Framework: `Agent` with `InMemoryHistoryProvider` and `CompactionProvider`, as it is documented.

The summary is made after a turn (`after_strategy`), within `Agent.run`. That provider compacts history in a session's
state, which is in memory; its durable store, `FileHistoryProvider`, is what the durable appends are measured with.
"""

import contextvars
import os
import sys
import warnings

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "shared"))
warnings.simplefilter("ignore")

import measure  # noqa: E402
import phases  # noqa: E402
from agent_framework import (  # noqa: E402
    Agent,
    BaseChatClient,
    ChatResponse,
    CompactionProvider,
    FileHistoryProvider,
    InMemoryHistoryProvider,
    Message,
    SummarizationStrategy,
)

# What the model of the running turn answers, and where it notes the time that it took.
turn_of = contextvars.ContextVar("turn_of")


class Fake(BaseChatClient):
    """A model in this process: awaits what `answer` does, and says what it returns."""

    def __init__(self, answer) -> None:
        super().__init__()
        self.answer = answer

    def _inner_get_response(self, *, messages, stream=False, options=None, **kwargs):
        async def respond() -> ChatResponse:
            return ChatResponse(messages=[Message(role="assistant", contents=[await self.answer()])])

        return respond()


class AgentFramework(measure.Peer):
    async def start(self) -> None:
        kept = self.work["kept_messages"]
        history = InMemoryHistoryProvider(skip_excluded=True)
        compaction = CompactionProvider(
            after_strategy=SummarizationStrategy(
                client=Fake(self.measure.summary_call),
                target_count=kept,
                # It compacts above the sum of both; the others do at the trigger.
                threshold=self.work["trigger_messages"] - kept - 1,
                max_summary_input_tokens=None,
            ),
            history_source_id=history.source_id,
        )
        self.history = history
        self.agent = Agent(client=Fake(self.answer), name="peer", context_providers=[history, compaction])
        self.files = FileHistoryProvider(os.path.join(self.dir, "history"))

    async def answer(self) -> str:
        said, spent = turn_of.get()
        await self.measure.model_call(spent)
        return said

    async def open(self, name: str, texts: list[str]):
        session = self.agent.create_session(session_id=name)
        kinds = ("user", "assistant")
        messages = [Message(role=kinds[at % 2], contents=[text]) for at, text in enumerate(texts)]
        await self.save(session, messages)
        return session

    async def save(self, session, messages: list[Message]) -> None:
        state = session.state.setdefault(self.history.source_id, {})
        await self.history.save_messages(session.session_id, messages, state=state)

    async def again(self, session):
        # The history lives in the session object: there is no second handle of it.
        return session

    async def turn(self, session, said, spent) -> None:
        turn_of.set((said["assistant"], spent))
        await self.agent.run(said["user"], session=session)

    async def append(self, session, text: str) -> None:
        await self.save(session, [Message(role="user", contents=[text])])

    async def stored(self, session) -> list[str]:
        state = session.state[self.history.source_id]
        return [message.text for message in state["messages"]]

    async def view(self, session) -> list[str]:
        state = session.state[self.history.source_id]
        messages = await self.history.get_messages(session.session_id, state=state)
        return [message.text for message in messages]

    async def writer(self, name: str):
        return name

    async def write(self, writer, text: str) -> None:
        await self.files.save_messages(writer, [Message(role="user", contents=[text])])

    async def stated(self) -> str:
        return "JSON lines, a file for each session"


if __name__ == "__main__":
    phases.main(AgentFramework)

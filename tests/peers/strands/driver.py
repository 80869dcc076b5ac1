"""Strands: `Agent.invoke_async` with `SummarizingConversationManager` and `FileSessionManager`.

Summaries are made when the model reports that its window is exceeded, which the fake does at the trigger, in time: this
is the documented way that needs no token counts. The manager works synchronously within the turn.
"""

import contextvars
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "shared"))
os.environ["OTEL_SDK_DISABLED"] = "true"

import measure  # noqa: E402
import phases  # noqa: E402
from strands import Agent  # noqa: E402
from strands.agent.conversation_manager import SummarizingConversationManager  # noqa: E402
from strands.models import Model  # noqa: E402
from strands.session.file_session_manager import FileSessionManager  # noqa: E402
from strands.types.exceptions import ContextWindowOverflowException  # noqa: E402

# What the model of the running turn answers, and where it notes the time that it took.
turn_of = contextvars.ContextVar("turn_of")


class Fake(Model):
    """A model in this process: streams what `answer` returns as one piece."""

    def __init__(self, answer) -> None:
        self.answer = answer

    def update_config(self, **_) -> None:
        pass

    def get_config(self) -> dict:
        return {}

    def structured_output(self, *_, **__):
        raise NotImplementedError("nothing structured is asked for here")

    async def stream(self, messages, *_, **__):
        text = await self.answer(messages)
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockStart": {"start": {}}}
        yield {"contentBlockDelta": {"delta": {"text": text}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn"}}


class Strands(measure.Peer):
    async def start(self) -> None:
        self.summarizer = Fake(self.summarize)

    async def summarize(self, _) -> str:
        return await self.measure.summary_call()

    async def answer(self, messages) -> str:
        if len(messages) >= self.work["trigger_messages"]:
            raise ContextWindowOverflowException("the trigger is reached")
        said, spent = turn_of.get()
        await self.measure.model_call(spent)
        return said

    def handle(self, name: str, messages: list | None = None) -> Agent:
        kept = self.work["kept_messages"]
        manager = SummarizingConversationManager(
            # Its highest ratio: all but the kept tail is summarized, as far as that goes.
            summary_ratio=0.8,
            preserve_recent_messages=kept,
            summarization_agent=Agent(model=self.summarizer, callback_handler=None),
        )
        return Agent(
            model=Fake(self.answer),
            messages=messages,
            conversation_manager=manager,
            session_manager=FileSessionManager(name, self.dir),
            callback_handler=None,
            agent_id="peer",
        )

    async def open(self, name: str, texts: list[str]) -> Agent:
        kinds = ("user", "assistant")
        return self.handle(name, [{"role": kinds[at % 2], "content": [{"text": t}]} for at, t in enumerate(texts)])

    async def again(self, session: Agent) -> Agent:
        return self.handle(session._session_manager.session_id)

    async def turn(self, session: Agent, said, spent) -> None:
        turn_of.set((said["assistant"], spent))
        await session.invoke_async(said["user"])

    async def append(self, session: Agent, text: str) -> None:
        message = {"role": "user", "content": [{"text": text}]}
        session.messages.append(message)
        session._session_manager.append_message(message, session)

    async def stored(self, session: Agent) -> list[str]:
        manager = session._session_manager
        stored = manager.list_messages(manager.session_id, session.agent_id)
        return [block["text"] for item in stored for block in item.to_message()["content"]]

    async def view(self, session: Agent) -> list[str]:
        return [block.get("text", "") for message in session.messages for block in message["content"]]

    async def stated(self) -> str:
        return "a JSON file for each message, renamed into place"


if __name__ == "__main__":
    phases.main(Strands)

"""LangChain: `create_agent` with `SummarizationMiddleware` over LangGraph's own SQLite checkpointer.

Used as its documentation shows it: the middleware summarizes inside the turn before the model is called, the thread is
kept by the checkpointer. The asynchronous checkpointer is taken, and the asynchronous calls of everything.
"""

import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "shared"))
for name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"):
    os.environ[name] = "false"

import measure  # noqa: E402
import phases  # noqa: E402
from langchain.agents import create_agent  # noqa: E402
from langchain.agents.middleware import SummarizationMiddleware  # noqa: E402
from langchain_core.language_models.chat_models import BaseChatModel  # noqa: E402
from langchain_core.messages import AIMessage, HumanMessage  # noqa: E402
from langchain_core.outputs import ChatGeneration, ChatResult  # noqa: E402
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver  # noqa: E402


class Fake(BaseChatModel):
    """A model in this process: awaits what `answer` does, and says what it returns."""

    answer: object

    @property
    def _llm_type(self) -> str:
        return "fake"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        raise NotImplementedError("everything is asynchronous here")

    async def _agenerate(self, messages, stop=None, run_manager=None, **kwargs):
        text = await self.answer(messages)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])


class LangChain(measure.Peer):
    async def start(self) -> None:
        self.saver_context = AsyncSqliteSaver.from_conn_string(os.path.join(self.dir, "threads.sqlite"))
        self.saver = await self.saver_context.__aenter__()
        await self.saver.setup()
        self.answers: dict[str, tuple] = {}
        middleware = SummarizationMiddleware(
            model=Fake(answer=self.summarize),
            trigger=("messages", self.work["trigger_messages"]),
            keep=("messages", self.work["kept_messages"]),
            trim_tokens_to_summarize=None,
        )
        self.agent = create_agent(
            Fake(answer=self.answer), tools=[], middleware=[middleware], checkpointer=self.saver
        )

    async def stop(self) -> None:
        await self.saver_context.__aexit__(None, None, None)

    async def summarize(self, _) -> str:
        return await self.measure.summary_call()

    async def answer(self, messages) -> str:
        said, spent = self.answers.pop(messages[-1].content)
        await self.measure.model_call(spent)
        return said

    async def open(self, name: str, texts: list[str]):
        session = {"configurable": {"thread_id": name}}
        kinds = (HumanMessage, AIMessage)
        if texts:
            messages = [kinds[at % 2](text) for at, text in enumerate(texts)]
            await self.agent.aupdate_state(session, {"messages": messages})
        return session

    async def again(self, session):
        return {"configurable": dict(session["configurable"])}

    async def turn(self, session, said, spent) -> None:
        # Sessions of a crowd say the same; the thread's name makes the key of the answer unique.
        question = f"{said['user']} [{session['configurable']['thread_id']}]"
        self.answers[question] = (said["assistant"], spent)
        await self.agent.ainvoke({"messages": [HumanMessage(question)]}, session)

    async def append(self, session, text: str) -> None:
        await self.agent.aupdate_state(session, {"messages": [HumanMessage(text)]})

    async def stored(self, session) -> list[str]:
        state = await self.agent.aget_state(session)
        return [message.content for message in state.values["messages"]]

    async def write(self, writer, text: str) -> None:
        # `as_node` says whose write it is; an empty thread does not tell by itself.
        await self.agent.aupdate_state(writer, {"messages": [HumanMessage(text)]}, as_node="model")

    async def stated(self) -> str:
        values = []
        for name in ("journal_mode", "synchronous"):
            async with self.saver.conn.execute(f"PRAGMA {name}") as cursor:
                values.append(f"{name}={(await cursor.fetchone())[0]}")
        return "SQLite " + ", ".join(values)


if __name__ == "__main__":
    phases.main(LangChain)

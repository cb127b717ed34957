"""LangChain: ChatOpenAI (chat and Responses), ChatAnthropic, OpenAIEmbeddings."""

from __future__ import annotations

from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel
from telling import KEY, OPENAI_BASE, URL, WEATHER_QUESTION, tell, weather


class Solution(BaseModel):
    """The solution of an equation."""

    explanation: str
    final_answer: int


@tool
def get_weather(city: str) -> str:
    """Get the weather of a city."""
    return weather(city)


def openai_chat(model: str, **options: Any) -> ChatOpenAI:
    return ChatOpenAI(model=model, base_url=OPENAI_BASE, api_key=KEY, max_retries=0, **options)


def anthropic_chat(model: str) -> ChatAnthropic:
    return ChatAnthropic(model_name=model, base_url=URL, api_key=KEY, max_retries=0, max_tokens=512)


def _said(message: Any) -> dict[str, object]:
    return {"text": message.text, "usage": dict(message.usage_metadata or {})}


def case_openai_text(model: str) -> object:
    return _said(openai_chat(model).invoke("Hello there"))


def case_openai_stream(model: str) -> object:
    chunks = list(openai_chat(model, stream_usage=True).stream("Hello there"))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    return {**_said(whole), "chunks": len(chunks)}


def case_openai_tools(model: str) -> object:
    return _round_trip(openai_chat(model))


def case_responses_tools(model: str) -> object:
    return _round_trip(openai_chat(model, use_responses_api=True))


def case_responses_stream(model: str) -> object:
    chunks = list(openai_chat(model, use_responses_api=True).stream("Hello there"))
    return {"text": "".join(chunk.text for chunk in chunks), "chunks": len(chunks)}


def case_openai_structured(model: str) -> object:
    return openai_chat(model).with_structured_output(Solution).invoke("Solve 8x + 7 = -23").model_dump()


def case_anthropic_text(model: str) -> object:
    return _said(anthropic_chat(model).invoke("Hello there"))


def case_anthropic_stream(model: str) -> object:
    chunks = list(anthropic_chat(model).stream("Hello there"))
    return {"text": "".join(chunk.text for chunk in chunks), "chunks": len(chunks)}


def case_anthropic_tools(model: str) -> object:
    return _round_trip(anthropic_chat(model))


def case_embeddings() -> object:
    plain = OpenAIEmbeddings(model="sim-embed", base_url=OPENAI_BASE, api_key=KEY, check_embedding_ctx_length=False)
    vectors = plain.embed_documents(["one", "two"])
    return {"vectors": len(vectors), "same": vectors[0] == plain.embed_query("one")}


def case_unknown_model() -> object:
    try:
        openai_chat("nobody/nothing").invoke("Hello")
    except Exception as error:
        return {"raised": type(error).__name__, "status": getattr(error, "status_code", None)}
    return None


def _round_trip(chat: Any) -> object:
    messages: list[Any] = [HumanMessage(WEATHER_QUESTION)]
    bound = chat.bind_tools([get_weather])
    asked = bound.invoke(messages)
    messages.append(asked)
    for call in asked.tool_calls:
        messages.append(ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]))
    return {"calls": [(call["name"], call["args"]) for call in asked.tool_calls], "text": bound.invoke(messages).text}


if __name__ == "__main__":
    tell(globals())

"""Instructor: typed answers by forced tools over chat and Messages, and by JSON schema."""

from __future__ import annotations

import anthropic
import instructor
import openai
from pydantic import BaseModel
from telling import KEY, OPENAI_BASE, URL, tell


class Solution(BaseModel):
    """The solution of an equation."""

    explanation: str
    final_answer: int


QUESTION = [{"role": "user", "content": "Solve 8x + 7 = -23"}]


def case_openai_tools(model: str) -> object:
    client = instructor.from_openai(openai.OpenAI(base_url=OPENAI_BASE, api_key=KEY, max_retries=0))
    found = client.chat.completions.create(model=model, messages=QUESTION, response_model=Solution, max_retries=0)
    return found.model_dump()


def case_openai_schema(model: str) -> object:
    client = instructor.from_openai(
        openai.OpenAI(base_url=OPENAI_BASE, api_key=KEY, max_retries=0), mode=instructor.Mode.JSON_SCHEMA
    )
    found = client.chat.completions.create(model=model, messages=QUESTION, response_model=Solution, max_retries=0)
    return found.model_dump()


def case_anthropic_tools(model: str) -> object:
    client = instructor.from_anthropic(anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0))
    found = client.messages.create(
        model=model, max_tokens=512, messages=QUESTION, response_model=Solution, max_retries=0
    )
    return found.model_dump()


def case_openai_partial(model: str) -> object:
    client = instructor.from_openai(openai.OpenAI(base_url=OPENAI_BASE, api_key=KEY, max_retries=0))
    seen = list(client.chat.completions.create_partial(model=model, messages=QUESTION, response_model=Solution))
    return {"last": seen[-1].model_dump(), "states": len(seen)}


if __name__ == "__main__":
    tell(globals())

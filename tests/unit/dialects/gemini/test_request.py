"""Requests in Gemini's own form: read into the canonical one and written back whole."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import gemini as wire
from sluice.dialects.gemini.signatures import pack
from sluice.types.chat import (
    Audio,
    ChatRequest,
    Document,
    Image,
    Message,
    Opaque,
    OutputFormat,
    Part,
    Reasoning,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
)

HELLO = {"role": "user", "parts": [{"text": "Hi"}]}


def read(*contents: dict[str, Any], **members: Any) -> ChatRequest:
    return wire.decode_request({"model": "m", "contents": list(contents) or [HELLO], **members})


def written(request: ChatRequest) -> dict[str, Any]:
    return wire.encode_request(request, "m", {}, True).body


def parts(*raw: dict[str, Any], role: str = "user") -> tuple[Part, ...]:
    return read({"role": role, "parts": list(raw)}).messages[0].parts


def test_a_whole_conversation_is_read_and_written_back() -> None:
    body: dict[str, Any] = {
        "contents": [
            {"role": "user", "parts": [{"text": "Look."}, {"inlineData": {"mimeType": "image/png", "data": "iVBO"}}]},
            {
                "role": "model",
                "parts": [
                    {"text": "Hm.", "thought": True, "thoughtSignature": "c2ln"},
                    {"text": "Let me look.", "thoughtSignature": "dGV4dA=="},
                    {"functionCall": {"id": "a1", "name": "look", "args": {"x": 1}}, "thoughtSignature": "Y2FsbA=="},
                    {"functionCall": {"name": "look", "args": {}}},
                    {"text": "", "thoughtSignature": "ZW1wdHk="},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"id": "a1", "name": "look", "response": {"output": "sun"}}},
                    {"functionResponse": {"name": "look", "response": {"deep": [1]}}},
                ],
            },
        ],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "tools": [
            {"functionDeclarations": [{"name": "look", "parameters": {"type": "OBJECT"}}, {"name": "see"}]},
            {"googleSearch": {}},
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["look", "see"]}},
        "generationConfig": {
            "maxOutputTokens": 9,
            "temperature": 0.5,
            "topP": 0.9,
            "topK": 40,
            "stopSequences": ["END"],
            "seed": 7,
            "candidateCount": 2,
            "presencePenalty": 0.1,
            "frequencyPenalty": 0.2,
            "responseLogprobs": True,
            "logprobs": 3,
            "thinkingConfig": {"thinkingLevel": "low", "includeThoughts": True},
            "mediaResolution": "MEDIA_RESOLUTION_LOW",
        },
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "cachedContent": "cachedContents/c1",
        "labels": {"team": "search"},
        "serviceTier": "flex",
    }
    request = wire.decode_request({**body, "model": "models/m", "stream": True})
    assert (request.model, request.stream, request.dialect) == ("m", True, "gemini")
    assert written(request) == body


def test_turns_become_messages() -> None:
    request = read(HELLO, {"role": "model", "parts": [{"text": "Yes?"}]}, systemInstruction="Be brief.")
    assert request.messages == (
        Message("system", (Text("Be brief."),)),
        Message("user", (Text("Hi"),)),
        Message("assistant", (Text("Yes?"),)),
    )


def test_snake_case_is_understood_but_never_inside_arguments() -> None:
    request = wire.decode_request(
        {
            "model": "m",
            "contents": [{"parts": [{"function_call": {"name": "f", "args": {"deep_name": {"inline_data": 1}}}}]}],
            "system_instruction": {"parts": [{"text": "x"}]},
            "generation_config": {"max_output_tokens": 5, "thinking_config": {"thinking_budget": 99}},
            "tools": [{"function_declarations": [{"name": "f", "parameters_json_schema": {"type": "object"}}]}],
            "tool_config": {"function_calling_config": {"mode": "any", "allowed_function_names": ["f"]}},
        }
    )
    call = request.messages[1].parts[0]
    assert isinstance(call, ToolCall)
    assert call.arguments == '{"deep_name":{"inline_data":1}}'
    assert (request.max_tokens, request.reasoning) == (5, Reasoning(budget=99, enabled=True))
    assert request.tool_choice == ToolChoice("named", "f")
    assert request.tools[0].parameters == {"type": "object"}


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        (
            {"inlineData": {"mimeType": "application/pdf", "data": "JVBE", "displayName": "a.pdf"}},
            Document(data="JVBE", media_type="application/pdf", name="a.pdf"),
        ),
        ({"inlineData": {"mimeType": "audio/mp3", "data": "SUQz"}}, Audio(data="SUQz", format="mp3")),
        (
            {"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a"}},
            Image(url="https://example.com/a", media_type="image/png"),
        ),
        (
            {"fileData": {"mimeType": "image/png", "fileUri": "gs://b/a.png"}},
            Image(file_id="gs://b/a.png", media_type="image/png"),
        ),
        (
            {"fileData": {"mimeType": "application/pdf", "fileUri": "https://example.com/a.pdf"}},
            Document(url="https://example.com/a.pdf", media_type="application/pdf"),
        ),
    ],
)
def test_files_become_pictures_documents_and_sound(raw: dict[str, Any], part: Part) -> None:
    assert parts(raw) == (part,)
    assert written(read({"role": "user", "parts": [raw]}))["contents"][0]["parts"] == [raw]


@pytest.mark.parametrize(
    "raw",
    [
        {"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}, "videoMetadata": {"fps": 5}},
        {"fileData": {"fileUri": "https://www.youtube.com/watch?v=x"}},
        {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "c2ln"},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK"}},
        {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB"}},
    ],
)
def test_what_only_this_dialect_has_is_kept_as_it_is(raw: dict[str, Any]) -> None:
    assert parts(raw) == (Opaque("gemini", raw),)
    assert written(read({"role": "user", "parts": [raw]}))["contents"][0]["parts"] == [raw]


def test_results_without_ids_answer_the_calls_of_their_name_in_order() -> None:
    call = {"functionCall": {"name": "look", "args": {"x": 1}}}
    other = {"functionCall": {"name": "see"}}
    results = [{"functionResponse": {"name": name, "response": {"output": name}}} for name in ("see", "look", "look")]
    request = read({"role": "model", "parts": [call, call, other]}, {"role": "user", "parts": results})
    ids = [part.id for part in request.messages[0].parts if isinstance(part, ToolCall)]
    assert len(set(ids)) == 3
    assert [part.call_id for part in request.messages[1].parts if isinstance(part, ToolResult)] == [
        ids[2],
        ids[0],
        ids[1],
    ]
    assert read({"role": "model", "parts": [call, call, other]}).messages[0].parts == request.messages[0].parts


@pytest.mark.parametrize(
    ("response", "text", "is_error"),
    [
        ({"output": "sun"}, "sun", False),
        ({"result": "sun"}, "sun", False),
        ({"error": "rain"}, "rain", True),
        ({"output": {"a": 1}}, '{"output":{"a":1}}', False),
        ({"a": "b", "c": 1}, '{"a":"b","c":1}', False),
    ],
)
def test_a_result_is_told_as_text(response: dict[str, Any], text: str, is_error: bool) -> None:
    (result,) = parts({"functionResponse": {"id": "c", "name": "f", "response": response}})
    assert isinstance(result, ToolResult)
    assert (result.call_id, result.parts, result.is_error) == ("c", (Text(text),), is_error)


@pytest.mark.parametrize(
    ("config", "reasoning"),
    [
        ({"thinkingBudget": 0}, Reasoning(enabled=False)),
        ({"thinkingBudget": -1}, Reasoning(adaptive=True, enabled=True)),
        ({"thinkingBudget": 512, "includeThoughts": False}, Reasoning(budget=512, enabled=True, display="omitted")),
        ({"thinkingLevel": "HIGH"}, Reasoning("high", enabled=True)),
        ({"includeThoughts": True}, Reasoning(display="summarized")),
        ({}, None),
    ],
)
def test_how_much_to_think_is_read(config: dict[str, Any], reasoning: Reasoning | None) -> None:
    assert read(generationConfig={"thinkingConfig": config}).reasoning == reasoning


def test_structured_output_is_read_in_each_of_its_forms() -> None:
    schema = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}}
    openapi = {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}}
    json_mode = {"responseMimeType": "application/json"}
    wanted = OutputFormat("json_schema", schema=schema)
    assert read(generationConfig={**json_mode, "responseSchema": openapi}).output_format == wanted
    assert read(generationConfig={**json_mode, "responseJsonSchema": schema}).output_format == wanted
    assert read(generationConfig=json_mode).output_format == OutputFormat("json_object")
    assert read(generationConfig={"responseMimeType": "text/x.enum"}).output_format is None


@pytest.mark.parametrize(
    ("calling", "choice", "rest"),
    [
        ({"mode": "AUTO"}, ToolChoice("auto"), None),
        ({"mode": "NONE"}, ToolChoice("none"), None),
        ({"mode": "ANY"}, ToolChoice("required"), None),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, ToolChoice("named", "f"), None),
        ({"mode": "ANY", "allowedFunctionNames": ["f", "g"]}, ToolChoice("required"),
         {"allowedFunctionNames": ["f", "g"]}),
        ({"mode": "VALIDATED"}, ToolChoice("auto"), {"mode": "VALIDATED"}),
    ],
)  # fmt: skip
def test_calling_modes_are_read_and_what_is_lost_is_kept_aside(
    calling: dict[str, Any], choice: ToolChoice, rest: dict[str, Any] | None
) -> None:
    request = read(toolConfig={"functionCallingConfig": calling})
    assert request.tool_choice == choice
    assert request.extras.get("toolConfig") == ({"functionCallingConfig": rest} if rest else None)
    assert written(request)["toolConfig"] == {"functionCallingConfig": calling}


def test_thinking_of_another_vendor_is_unpacked_for_it() -> None:
    packed = {"text": "Hm.", "thought": True, "thoughtSignature": pack("EqQB+/=", None)}
    assert parts(packed, role="model") == (Thinking("Hm.", signature="EqQB+/="),)
    hidden = {"text": "", "thought": True, "thoughtSignature": pack(None, "Emwk")}
    assert parts(hidden, role="model") == (Thinking(redacted="Emwk"),)

"""The endpoint's Files and Batches API through the real client: what a batch can come to, and what was paid for it."""

import json

import openai
import pytest
from endpoint import Endpoint, EndpointProcess, Outcome, Reply, error
from endpoint_batches import MAX_LINES, URL, read_lines
from hypothesis import given
from hypothesis import strategies as st


def line(number, model="m", **other):
    body = {"model": model, "messages": [{"role": "user", "content": f"prompt {number}"}]}
    return {"custom_id": f"r{number}", "method": "POST", "url": URL, "body": body, **other}


def to_bytes(lines):
    return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


def client(server):
    return openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0, timeout=20)


def submit(chat, lines):
    file = chat.files.create(file=("requests.jsonl", to_bytes(lines)), purpose="batch")
    return chat.batches.create(input_file_id=file.id, endpoint=URL, completion_window="24h", metadata={"run": "demo"})


def look_until_over(chat, batch):
    seen = [batch.status]
    while seen[-1] not in ("completed", "failed", "expired", "cancelled"):
        batch = chat.batches.retrieve(batch.id)
        seen.append(batch.status)
    return batch, seen


def lines_of(chat, name):
    return [json.loads(one) for one in chat.files.content(name).content.splitlines()] if name else []


def test_a_batch_goes_its_way_and_every_line_is_answered_and_paid_once():
    with Endpoint() as server, client(server) as chat:
        batch, seen = look_until_over(chat, submit(chat, [line(n) for n in range(30)]))
        assert seen == ["validating", "in_progress", "finalizing", "completed"]
        output = lines_of(chat, batch.output_file_id)
        assert batch.error_file_id is None and batch.metadata == {"run": "demo"}
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (30, 30, 0)
    names = [one["custom_id"] for one in output]
    assert names != sorted(names, key=lambda name: int(name[1:])) and set(names) == {f"r{n}" for n in range(30)}
    for one in output:
        assert one["error"] is None and one["response"]["status_code"] == 200
        text = one["response"]["body"]["choices"][0]["message"]["content"]
        assert text == f"answer to prompt {one['custom_id'][1:]}"
    assert set(server.paid.values()) == {1} and server.paid.total() == 30


def test_it_works_in_a_process_of_its_own_too():
    with EndpointProcess(answers="json", keep=False) as server, client(server) as chat:
        batch, _ = look_until_over(chat, submit(chat, [line(n) for n in range(5)]))
        assert len(lines_of(chat, batch.output_file_id)) == server.stats()["paid_prompts"] == 5


def test_lines_that_are_refused_stand_in_the_error_file_and_are_not_paid():
    bad = {3: Reply(400, error("filtered", "content_filter")), 4: Reply(429), 5: Reply(500), 6: Reply(reset=True)}

    with Endpoint(lambda number, request: bad.get(number, Reply())) as server, client(server) as chat:
        batch, seen = look_until_over(chat, submit(chat, [line(n) for n in range(10)]))
        errors = lines_of(chat, batch.error_file_id)
        assert seen[-1] == "completed" and len(lines_of(chat, batch.output_file_id)) == server.paid.total() == 6
    assert {one["custom_id"]: one["response"]["status_code"] for one in errors} == {
        "r3": 400,
        "r4": 429,
        "r5": 500,
        "r6": 500,
    }
    assert batch.request_counts.failed == 4
    (filtered,) = [one for one in errors if one["custom_id"] == "r3"]
    assert filtered["response"]["body"]["error"]["code"] == "content_filter" and filtered["error"] is None


def test_a_batch_of_which_every_line_is_refused_has_no_output_file():
    with Endpoint(faults={500: 1.0}) as server, client(server) as chat:
        batch, _ = look_until_over(chat, submit(chat, [line(1)]))
    assert (batch.status, batch.output_file_id) == ("completed", None) and batch.error_file_id


def test_a_batch_that_expires_keeps_what_was_answered_and_names_the_rest():
    with Endpoint() as server, client(server) as chat:
        server.batches.outcome = Outcome(complete_after=1, expire_after=4)
        batch, seen = look_until_over(chat, submit(chat, [line(n) for n in range(10)]))
        assert seen == ["validating", "expired"]
        errors = lines_of(chat, batch.error_file_id)
        assert {one["custom_id"] for one in lines_of(chat, batch.output_file_id)} == {"r0", "r1", "r2", "r3"}
    assert {one["error"]["code"] for one in errors} == {"batch_expired"}
    assert {one["custom_id"] for one in errors} == {f"r{n}" for n in range(4, 10)}
    assert server.paid.total() == 4 and all(one["response"] is None for one in errors)


def test_a_batch_that_is_cancelled_keeps_what_was_answered_before():
    with Endpoint() as server, client(server) as chat:
        server.batches.outcome = Outcome(complete_after=3)
        batch = submit(chat, [line(n) for n in range(10)])
        assert chat.batches.retrieve(batch.id).request_counts.completed == 5
        assert chat.batches.cancel(batch.id).status == "cancelling"
        batch, _ = look_until_over(chat, chat.batches.retrieve(batch.id))
        assert batch.status == "cancelled"
        assert len(lines_of(chat, batch.output_file_id)) == server.paid.total() == 5
        with pytest.raises(openai.ConflictError):
            chat.batches.cancel(batch.id)


def test_a_file_that_breaks_a_rule_fails_the_batch_and_costs_nothing():
    wrong = [
        line(0),
        line(0),
        line(1, model="other"),
        line(2, url="/v1/embeddings"),
        line(3, body={}),
        {"custom_id": "x"},
    ]
    with Endpoint() as server, client(server) as chat:
        batch, seen = look_until_over(chat, submit(chat, [*wrong, [1]]))
        assert seen == ["validating", "failed"] and server.paid.total() == 0
        assert [(one.line, one.code) for one in batch.errors.data] == [
            (2, "duplicate_custom_id"),
            (3, "model_mismatch"),
            (4, "url_mismatch"),
            (5, "missing_required_parameter"),
            (6, "missing_required_parameter"),
            (7, "invalid_json_line"),
        ]
        server.batches.outcome = Outcome(fail="The organization has reached its limit of enqueued tokens.")
        batch, _ = look_until_over(chat, submit(chat, [line(1)]))
        assert "enqueued tokens" in batch.errors.data[0].message


def test_files_over_the_limits_are_refused():
    assert read_lines(b"")[1][0]["code"] == "empty_file"
    most = to_bytes(line(n) for n in range(MAX_LINES))
    assert read_lines(most)[1] == []
    assert read_lines(most + to_bytes([line("more")]))[1][0]["code"] == "too_many_tasks"


names_and_values = st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
bodies = st.dictionaries(st.sampled_from(["messages", "model"]), names_and_values)
near_lines = st.fixed_dictionaries(
    {name: st.just(value) | names_and_values | bodies for name, value in line(1).items()}
)


@given(st.lists(near_lines.map(lambda one: json.dumps(one).encode()) | st.binary(max_size=9), max_size=4))
def test_every_line_of_any_file_is_read_or_refused(parts):
    content = b"\n".join(parts)
    lines, problems = read_lines(content)
    assert len(lines) + len(problems) == max(1, len(content.splitlines()))


def test_files_are_kept_listed_and_deleted():
    content = to_bytes([line(1)]) + b"--not a boundary\r\n\r\n"
    with Endpoint() as server, client(server) as chat:
        file = chat.files.create(file=("ä b.jsonl", content), purpose="batch")
        assert chat.files.retrieve(file.id).bytes == len(content)
        assert chat.files.content(file.id).content == content
        assert [one.id for one in chat.files.list()] == [file.id]
        assert chat.files.delete(file.id).deleted
        with pytest.raises(openai.NotFoundError):
            chat.files.content(file.id)
        with pytest.raises(openai.BadRequestError, match="jsonl"):
            chat.files.create(file=("x.txt", content), purpose="batch")
        with pytest.raises(openai.BadRequestError):
            chat.batches.create(input_file_id=file.id, endpoint=URL, completion_window="24h")


def test_batches_are_listed_newest_first_in_pages():
    with Endpoint() as server, client(server) as chat:
        made = [submit(chat, [line(n)]).id for n in range(5)]
        page = chat.batches.list(limit=2)
        assert [one.id for one in page.data] == made[:2:-1] and page.has_more
        assert [one.id for one in chat.batches.list(limit=2)] == made[::-1]  # the client turns the pages
        assert [one.id for one in chat.batches.list(after=made[1], limit=9).data] == made[:1]
        with pytest.raises(openai.NotFoundError):
            chat.batches.retrieve("batch_none")

"""Uses a deployed stack as a client would: events over HTTP, an idempotent repeat, live push, a replay with `after`.

usage: check.py polling|atlas-trigger|deleted
"""

import asyncio
import json
import os
import sys
import urllib.error
import urllib.request

import boto3
import websockets

STACK = "eventlog"
GATEWAY = os.environ["AWS_ENDPOINT_URL"]
# A schedule starts a run each minute, and a first run may have to start a process.
PUSH_TIMEOUT = 130


def stack():
    """Returns the physical ids of the stack's resources by their logical ids."""
    described = boto3.client("cloudformation").describe_stack_resources(StackName=STACK)
    return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in described["StackResources"]}


def request(url, body=None, **headers):
    """Returns status, headers and JSON of a GET, or of a POST where there is a body."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    data = None
    if body is not None:
        data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as answer:
            return answer.status, answer.headers, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.load(error)


def draft(event_type, n):
    return {"eventType": event_type, "sourceAppId": "deploy", "dataPayload": {"n": n, "text": "é\u2028\\"}}


def check_http(http):
    """Checks reads, writes, an idempotent repeat and errors. Returns the first event of the log."""
    status, headers, logged = request(f"{http}/events", draft("Http", 1))
    assert status == 201 and headers["Location"] == f"/events/{logged['event']['_id']}", (status, logged)
    status, _, first = request(f"{http}/events", [draft("Http", 2), draft("Http", 3)], Idempotency_Key=os.urandom(8).hex())
    assert status == 201 and len(first["events"]) == 2, (status, first)
    key = os.urandom(8).hex()
    answers = [request(f"{http}/events", draft("Keyed", 4), Idempotency_Key=key) for _ in range(2)]
    assert answers[0][0] == 201 and answers[0][2] == answers[1][2], answers
    status, _, problem = request(f"{http}/events", draft("Keyed", 5), Idempotency_Key=key)
    assert status == 422, (status, problem)
    status, headers, problem = request(f"{http}/events", {"eventType": ""})
    assert status == 400 and headers["Content-Type"] == "application/problem+json", (status, problem)
    status, _, listed = request(f"{http}/events?limit=1000")
    assert status == 200 and logged["event"] in listed and first["events"][0] in listed, listed
    status, _, event = request(f"{http}/events/{logged['event']['_id']}")
    assert (status, event) == (200, logged["event"])
    assert request(f"{http}/nothing")[0] == 404
    assert request(f"{http}/health")[2] == {"status": "ok"}
    status, _, verified = request(f"{http}/chain/verify")
    assert verified["valid"] and verified["checked"] == request(f"{http}/chain")[2]["length"], verified
    return listed[0]


async def next_event(socket):
    return json.loads(await asyncio.wait_for(socket.recv(), PUSH_TIMEOUT))


async def check_live(http, live, first, wake):
    """Checks pong, push to a live connection, and replay to one that connects with `after`."""
    async with websockets.connect(live) as socket:
        await socket.send('{"action":"ping"}')
        assert json.loads(await asyncio.wait_for(socket.recv(), 60)) == {"action": "pong"}
        _, _, logged = await asyncio.to_thread(request, f"{http}/events", draft("Live", 6))
        await asyncio.to_thread(wake)
        assert await next_event(socket) == logged["event"]
    _, _, listed = await asyncio.to_thread(request, f"{http}/events?limit=1000")
    async with websockets.connect(f"{live}?after={first['_id']}") as socket:
        replayed = [await next_event(socket) for _ in listed[1:]]
        assert replayed == listed[1:], replayed
    async with websockets.connect(f"{live}?after={first['_id']}&eventType=Live&batch=1") as socket:
        assert [e["eventType"] for e in await next_event(socket)][:1] == ["Live"]


def wake_by_trigger(bus):
    """Puts the event that an Atlas trigger would send on the bus of the partner event source."""
    entry = {"Source": bus, "DetailType": "MongoDB Database Trigger", "Detail": "{}", "EventBusName": bus}
    put = boto3.client("events").put_events(Entries=[entry])
    assert put["FailedEntryCount"] == 0, put


def main(mode):
    if mode == "deleted":
        left = boto3.client("lambda").list_functions()["Functions"]
        assert not left, left
        return
    resources = stack()
    http = f"{GATEWAY}/_aws/execute-api/{resources['HttpApi']}/$default"
    live = f"{GATEWAY.replace('http', 'ws', 1)}/_aws/execute-api/{resources['WebSocketApi']}/live"
    first = check_http(http)
    wake = (lambda: None) if mode == "polling" else (lambda: wake_by_trigger(resources["AtlasEventBus"]))
    asyncio.run(check_live(http, live, first, wake))
    print(f"the deployed stack works: {mode}")


main(sys.argv[1])

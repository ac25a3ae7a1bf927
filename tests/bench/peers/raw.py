"""uvicorn alone: reads the request and sends a constant short answer.

    uvicorn raw:app --port 4104

The ceiling of any service on it.
"""

ANSWER = b'{"data":{"country":{"id":"country:CI","name":"Country 0060","code":"CI","alpha3":"CIX"}}}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})

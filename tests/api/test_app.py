"""What stands beside /graphql, and who may read it from a page of another origin."""

from typing import Any

import pytest

from api.app import build_app
from api.settings import Settings
from graph.errors import StoreError
from tests.api.small import SDL, feed_of, make_app, make_executor, send

FRIEND = "https://maps.example.org"


def test_the_root_leads_to_graphql():
    response = send("GET", "/")
    assert (response.status_code, response.headers["location"]) == (307, "/graphql")
    assert send("POST", "/graphql/", json={"query": "{ hello }"}).status_code == 307


def test_the_schema_is_there_as_text():
    response = send("GET", "/schema.graphql")
    assert (response.text, response.headers["content-type"]) == (SDL, "text/plain; charset=utf-8")


def test_health_and_readiness_are_told():
    assert send("GET", "/healthz").json() == {"alive": True}
    response = send("GET", "/readyz")
    assert (response.status_code, response.json()) == (200, {"ready": True, "version": 3})
    assert response.headers["cache-control"] == "no-store"


def test_a_service_that_cannot_answer_is_alive_but_not_ready(caplog):
    """Anybody may ask why. Where the store is stands in the log."""

    def ready() -> dict[str, Any]:
        raise StoreError("The store /data/x is damaged at record 7.", "The store is damaged at record 7.")

    executor = make_executor()
    app = build_app(executor, Settings(), feed_of(executor), sdl=SDL, state=lambda: 3, ready=ready)
    response = send("GET", "/readyz", app=app)
    assert (response.status_code, response.json()) == (
        503,
        {"ready": False, "reason": "The store is damaged at record 7."},
    )
    assert caplog.messages == ["not ready: The store /data/x is damaged at record 7."]
    assert send("GET", "/healthz", app=app).status_code == 200


@pytest.mark.parametrize(
    ("allowed", "origin", "answered"),
    [
        ((), FRIEND, None),
        ((FRIEND,), FRIEND, FRIEND),
        ((FRIEND,), "https://evil.example", None),
        ((FRIEND,), FRIEND + ".evil.example", None),
        ((FRIEND,), "null", None),
        (("*",), "https://any.example", "*"),
    ],
)
@pytest.mark.parametrize("path", ["/graphql", "/schema.graphql"])
def test_only_pages_of_listed_origins_may_read_answers(allowed, origin, answered, path):
    response = send("GET", f"{path}?query={{hello}}", app=make_app(cors_origins=allowed), headers={"Origin": origin})
    assert response.status_code == 200
    assert response.headers.get("access-control-allow-origin") == answered
    assert "access-control-allow-credentials" not in response.headers
    if allowed == (FRIEND,):
        assert "Origin" in response.headers["vary"]


def test_a_browser_may_ask_before_it_posts():
    headers = {
        "Origin": FRIEND,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    response = send("OPTIONS", app=make_app(cors_origins=(FRIEND,)), headers=headers)
    assert response.status_code == 200
    assert response.headers["access-control-allow-methods"] == "GET, POST"
    assert response.headers["access-control-allow-headers"] == "content-type"
    assert send("OPTIONS", app=make_app(cors_origins=("https://other.example",)), headers=headers).status_code == 400

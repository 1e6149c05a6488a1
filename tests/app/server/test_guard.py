from collections.abc import Iterator

import pytest
from fake_job import fake_job
from fastapi import APIRouter, WebSocket
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from cameo3d.app.server.app import create_app
from cameo3d.app.server.settings import Limits, Settings
from cameo3d.errors import InputError

LOCAL, TOKEN = "http://127.0.0.1:7860", {"authorization": "Bearer secret"}
router = APIRouter()


@router.websocket("/echo")
async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[TestClient]:
    settings = Settings(tmp_path_factory.mktemp("data"), token="secret", limits=Limits(body_mib=1))
    with TestClient(
        create_app(settings, [router], job=fake_job), base_url=LOCAL, raise_server_exceptions=False
    ) as client:
        yield client


def test_health_needs_no_token_and_everything_else_does(client):
    assert client.get("/v1/health").json()["status"] == "ok"
    for headers in ({}, {"authorization": "Bearer other"}, {"authorization": "Basic secret"}):
        for path in ("/v1/models", "/v1/jobs/0", "/openapi.json", "/none"):
            answer = client.get(path, headers=headers)
            assert answer.status_code == 401
            assert list(answer.json()) == ["error"]
    assert client.get("/v1/models", headers=TOKEN).status_code == 200


def test_every_answer_carries_security_headers(client):
    for answer in (client.get("/v1/health"), client.get("/none"), client.get("/none", headers=TOKEN)):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "access-control-allow-origin" not in answer.headers


def test_pages_of_another_origin_are_refused_unless_named(client, tmp_path):
    assert client.get("/v1/health", headers={"origin": LOCAL}).status_code == 200
    for origin in ("http://evil.example", "null"):
        assert client.get("/v1/health", headers={"origin": origin}).status_code == 403
    friend = {"origin": "https://app.example"}
    named = create_app(Settings(tmp_path, origins=("https://app.example",)), job=fake_job)
    with TestClient(named, base_url=LOCAL) as client:
        answer = client.get("/v1/health", headers=friend)
        assert answer.headers["access-control-allow-origin"] == friend["origin"]
        asked = {**friend, "access-control-request-method": "POST"}
        assert client.options("/v1/animations", headers=asked).status_code == 200


def test_without_a_token_only_names_of_this_machine_are_answered(tmp_path):
    with TestClient(create_app(Settings(tmp_path), job=fake_job), base_url=LOCAL) as client:
        assert client.get("/v1/models").status_code == 200
        assert client.get("/v1/models", headers={"host": "evil.example:7860"}).status_code == 403


def test_web_sockets_need_the_token_in_a_header_or_a_cookie(client):
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/echo"):
        pass
    for headers in (TOKEN, {"cookie": "cameo3d_token=secret"}):
        with client.websocket_connect("/echo", headers=headers) as socket:
            socket.send_text("hello")
            assert socket.receive_text() == "hello"


def test_hosts_that_others_reach_need_a_token(tmp_path):
    for host in ("0.0.0.0", "::", "192.168.1.2", "example.org"):
        with pytest.raises(InputError, match="--token"):
            Settings(tmp_path, host=host)
    assert Settings(tmp_path, host="::1").is_local


def test_one_service_at_a_time_uses_a_data_folder(tmp_path):
    with (
        TestClient(create_app(Settings(tmp_path), job=fake_job)),
        pytest.raises(Exception, match="used by another service"),
        TestClient(create_app(Settings(tmp_path), job=fake_job)),
    ):
        pass
    assert tmp_path.stat().st_mode & 0o077 == 0

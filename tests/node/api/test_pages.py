"""The dashboard's files are served as they are, and nothing beside them."""

from __future__ import annotations

from pathlib import PurePosixPath

from peerrec_node.api.static import WEB, media_of, pages


def test_pages_are_served_with_a_strict_policy_and_a_tag(client):
    for page in pages():
        answered = client.ask("GET", page.path, scope=None)
        assert answered.status == 200
        assert answered.body == page.body
        assert answered.headers["content-type"] == page.media
        policy = answered.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "script-src 'self'" in policy
        again = client.ask("GET", page.path, scope=None, headers={"If-None-Match": page.tag})
        assert (again.status, again.body) == (304, b"")


def test_only_known_kinds_of_files_are_served(tmp_path):
    for name in ("index.html", "part/a.js", "secret.py", "notes"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [page.path for page in pages(tmp_path)] == ["/index.html", "/", "/part/a.js"]
    assert media_of(PurePosixPath("a.py")) is None
    assert list(pages(tmp_path / "nowhere")) == []
    assert WEB.name == "web"


def test_files_beside_the_folder_are_not_there(client):
    for path in ("/../api/auth.py", "/%2e%2e/api/auth.py", "/api/auth.py", "/.git/config"):
        assert client.ask("GET", path, scope=None).status == 404

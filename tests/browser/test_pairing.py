"""Two people meet by an invite link, and one's records change the other's list."""

from __future__ import annotations

import pytest
import segno
from daemon_process import until
from playwright.sync_api import expect

from peerrec.ids import peer_text
from peerrec.protocol.identity import Ed25519Signer

pytestmark = pytest.mark.slow

STRANGER = peer_text(Ed25519Signer.from_seed(bytes(32)).peer)


@pytest.fixture
def ann(daemons):
    return daemons.start("ann.db")


@pytest.fixture
def bob(daemons):
    return daemons.start("bob.db")


def shown_invite(board) -> str:
    return str(board.show("pairing").locator(".invite").inner_text())


def take(board, invite: str) -> None:
    box = board.show("pairing").get_by_role("region", name="Take an invite")
    box.get_by_label("Invite link").fill(invite)
    box.get_by_role("button", name="Connect").click()


def test_link_shown_by_one_connects_the_other_and_music_arrives(ann, bob, opened):
    anns, bobs = opened(ann), opened(bob)
    anns.settled()
    take(bobs, shown_invite(anns))
    links = bobs.page.get_by_role("region", name="Links")
    expect(links.get_by_role("rowheader")).to_contain_text(ann.peer[:6])
    expect(bobs.page.locator("#pulse-text")).to_have_text("Connected, 1 link")
    expect(anns.show("peers").get_by_role("rowheader")).to_contain_text(bob.peer[:6])
    links.get_by_role("button", name="Trust").click()
    expect(bobs.page.locator(".toast")).to_contain_text("is now 1")

    listed = bobs.show("recommendations")
    expect(listed.get_by_text("Nothing to recommend yet")).to_be_visible()
    bobs.page.evaluate("window.same = true")
    for item in ("track:so-what", "track:naima"):
        public = anns.show("recommendations").get_by_role("region", name="Record")
        public.get_by_label("Item").fill(item)
        public.get_by_label("Public").check()
        public.get_by_role("button", name="Record").click()
        expect(anns.page.locator(".toast")).to_contain_text(item)
    expect(listed.locator(".item")).to_have_count(2)
    expect(listed.locator(".item").first).to_contain_text("whom you trust")
    assert bobs.page.evaluate("window.same")
    bobs.shot("pairing-recommended")
    anns.show("peers")
    anns.shot("pairing-peers")


def test_qr_code_is_the_invite(ann, opened):
    board = opened(ann)
    board.settled()
    invite = shown_invite(board)
    dark = board.page.evaluate(MODULES)
    assert dark == [[bool(cell) for cell in row] for row in segno.make_qr(invite, error="m").matrix]
    board.shot("pairing-qr")


MODULES = """async () => {
    // The picture as a camera sees it, module by module, without its white border of 4.
    const picture = document.querySelector(".qr svg").cloneNode(true);
    const modules = picture.viewBox.baseVal.width - 8;
    picture.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    picture.setAttribute("width", (modules + 8) * 5);
    picture.setAttribute("height", (modules + 8) * 5);
    const image = new Image();
    const text = new XMLSerializer().serializeToString(picture);
    image.src = "data:image/svg+xml," + encodeURIComponent(text);
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = (modules + 8) * 5;
    const brush = canvas.getContext("2d");
    brush.fillStyle = "#fff";
    brush.fillRect(0, 0, canvas.width, canvas.height);
    brush.drawImage(image, 0, 0);
    const dark = (x, y) => brush.getImageData((x + 4) * 5 + 2, (y + 4) * 5 + 2, 1, 1).data[0] < 128;
    const range = [...Array(modules).keys()];
    return range.map((y) => range.map((x) => dark(x, y)));
}"""


def test_ended_link_says_why_and_a_name_is_kept(ann, bob, opened):
    bob.asked("POST", "/api/v1/peers", {"invite": ann.invite})
    until(lambda: ann.is_linked() and bob.is_linked())
    board = opened(bob)
    board.settled()
    status, _ = bob.asked("PUT", f"/api/v1/peers/{ann.peer}/label", {"label": "Ann"})
    assert status == 200
    links = board.show("peers").get_by_role("region", name="Links")
    expect(links.get_by_role("rowheader")).to_contain_text("Ann")
    links.get_by_role("button", name="Disconnect").click()
    ended = board.page.get_by_role("region", name="Recently ended")
    expect(ended.get_by_role("rowheader")).to_contain_text("Ann")
    expect(ended).to_contain_text("You ended the link.")
    expect(links.get_by_text("No peers yet")).to_be_visible()
    board.shot("peers-ended")


@pytest.mark.parametrize(
    ("invite", "said"),
    [
        ("peerrec://nonsense", "no whole invite link"),
        ("http://example.org/", "no whole invite link"),
        ("own", "your own invite"),
        ("elsewhere", "is for network"),
        ("mistyped", "letter"),
    ],
)
def test_invite_that_cannot_be_taken_says_why_beside_the_field(ann, opened, invite, said):
    board = opened(ann, refused=True)
    board.settled()
    text = {
        "own": ann.invite,
        "elsewhere": ann.invite.replace(ann.peer, STRANGER).replace("#music", "#chess"),
        "mistyped": ann.invite.replace(
            ann.peer, f"{'b' if ann.peer[0] == 'c' else 'c'}{ann.peer[1:]}"
        ),
    }.get(invite, invite)
    take(board, text)
    field = board.page.get_by_role("region", name="Take an invite").get_by_label("Invite link")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    expect(board.page.locator(".complaint").first).to_contain_text(said)
    if invite == "own":
        board.shot("error-bad-invite")

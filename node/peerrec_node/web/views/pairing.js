// Pairing: give somebody one's invite, or take theirs.

import { get } from "../api.js";
import { isLocal } from "../parts/checks.js";
import { inviteForm } from "../parts/invite_form.js";
import { meet } from "../parts/people.js";
import { qrImage } from "../parts/qr.js";
import { action, attempt, card, copyButton, empty, h, live, pageHead, peerName, table } from "../ui.js";

export const heading = "Pairing";

/** @type {Mount} */
export function mount(root) {
	const mine = h("div", { class: "invite-box" });
	const near = h("div");
	root.append(pageHead(heading, "Connect two nodes by a link, a QR code, or because they are near."),
		h("div", { class: "columns even" },
			card("Your invite", mine),
			h("div", {},
				card("Take an invite", inviteForm(() => { location.hash = "#/peers"; })),
				card("Nearby", near))));
	const parts = [
		live(mine, { what: "your invite", load: invite, show: showInvite }),
		live(near, {
			what: "who is near", load: () => Promise.all([get("/nearby"), get("/status")]),
			show: ([found, status], box) => showNear(box, found, status.network), kinds: ["link"], everyMs: 10_000,
		}),
	];
	return () => parts.forEach((part) => part.stop());
}

/** Return the invite; without a link where nobody can call this node. */
const invite = () => get("/invite").catch((error) => {
	if (error.status === 409) return { link: null };
	throw error;
});

function showInvite({ link, svg }, box) {
	if (!link) {
		box.replaceChildren(empty("Nobody can reach this node",
			"It has no address that others could call. Start it with --listen 0.0.0.0:7700 or, behind a router, with --public; or take somebody else’s invite."));
		return;
	}
	box.replaceChildren(
		h("p", {}, "Send this link to somebody you trust, or let them scan it. It holds your public id and your address, no secret."),
		isLocal(link.split("@")[1]) ? h("p", { class: "warn" }, "It leads here from this device alone; for others, start the node with --listen 0.0.0.0:7700.") : "",
		qrImage(svg ?? "") ?? "",
		h("p", { class: "invite mono", tabindex: 0, role: "group", "aria-label": "Invite link" }, link),
		h("div", { class: "row" }, copyButton(link, "invite link", true)));
}

function showNear(box, { peers, enabled }, network) {
	if (peers.length === 0) {
		box.replaceChildren(empty("Nobody near", enabled ? "Peers in the local network appear here when they look for others, too." : "Start the node with --lan, and it finds peers in the local network that do the same."));
		return;
	}
	const inviteOf = ({ peer, address }) => `peerrec://${peer}@${address}#${encodeURIComponent(network)}`;
	const rows = table({
		caption: "Peers in the local network",
		key: (near) => near.peer,
		columns: [
			{ label: "Peer", cell: (near) => peerName(near.peer) },
			{ label: "Address", cell: (near) => h("span", { class: "mono" }, near.address) },
			{ label: "Action", cell: (near) => (near.linked ? "linked"
				: action("Connect", () => attempt(() => meet(inviteOf(near)), "The node calls there."))) },
		],
	});
	rows.show(peers);
	box.replaceChildren(rows.box);
}

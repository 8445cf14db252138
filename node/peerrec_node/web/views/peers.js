// Peers and links: who is connected, how well, and why others no longer are.

import { get } from "../api.js";
import { block, disconnect, trust } from "../parts/people.js";
import { action, ago, bytes, card, count, decimal, duration, empty, h, live, moment, pageHead, peerName, reasonText, table, WORDS } from "../ui.js";

export const heading = "Peers and links";

/** @type {Mount} */
export function mount(root) {
	const links = linksTable(() => void shown.refresh());
	const ended = endedTable();
	const noLinks = empty("No peers yet", "Paste an invite, or send yours to somebody.",
		h("p", {}, h("a", { href: "#/pairing" }, "Show my invite")));
	const noEnded = h("p", {}, "None since the node began.");
	const box = h("div");
	root.append(pageHead(heading, "To whom this node is connected now, and how well it goes."),
		card("Links", box),
		card("Recently ended", noEnded, ended.box));
	ended.box.hidden = true;
	const shown = live(box, {
		what: "links",
		load: () => get("/peers"),
		show: (answer) => {
			const alone = answer.links.length === 0;
			const want = alone ? noLinks : links.box;
			if (!box.contains(want)) box.replaceChildren(want);
			links.show(answer.links);
			const past = answer.recently_ended;
			ended.show(past);
			ended.box.hidden = past.length === 0;
			noEnded.hidden = past.length > 0;
		},
		kinds: ["link", "sync"],
		everyMs: 5_000,
	});
	return shown.stop;
}

/** Return how a session ended. @type {(sync: Sync | null) => string} */
export function syncText(sync) {
	if (!sync) return "none yet";
	if (sync.retry_s > 0) return `busy, again in ${duration(sync.retry_s)}`;
	const moved = `${count(sync.segments_in)} in, ${count(sync.segments_out)} out`;
	return `${sync.converged ? "in step" : `${count(sync.outstanding)} missing`} · ${moved} · ${duration(sync.seconds)}`;
}

const latencyClass = (latency) => {
	if (latency === null) return "";
	return latency < 0.2 ? "good" : latency < 1 ? "warn" : "bad";
};

function linksTable(changed) {
	const then = (deed) => deed.then((worked) => worked && changed());
	return table({
		caption: "Links that are open now",
		key: (link) => link.peer,
		columns: [
			{ label: "Peer", cell: (link) => h("span", {}, peerName(link.peer, link.label),
				h("span", { class: "small block", title: "Who called whom, the peer’s address, and its program" }, `${link.dialled ? "called by us" : "called us"} · ${link.address} · ${link.agent}`)) },
			{ label: "Latency", why: WORDS.latency, number: true,
				cell: (link) => h("span", { class: latencyClass(link.latency_s) }, link.latency_s === null ? "–" : duration(link.latency_s)) },
			{ label: "In / out", why: WORDS.linkBytes, number: true, cell: (link) => `${bytes(link.bytes_in)} / ${bytes(link.bytes_out)}` },
			{ label: "Score", why: WORDS.peerScore, number: true, cell: (link) => decimal(link.score) },
			{ label: "Merit", why: WORDS.merit, number: true, cell: (link) => decimal(link.merit) },
			{ label: "Up", why: WORDS.up, number: true, cell: (link) => duration(link.up_s) },
			{ label: "Last sync", why: WORDS.lastSync, cell: (link) => syncText(link.last_sync) },
			{ label: "Actions", cell: (link) => h("span", { class: "row" },
				action("Trust", () => then(trust(link.peer, 1)), { class: "quiet", title: "State full trust; the trust map has finer steps" }),
				action("Disconnect", () => then(disconnect(link.peer)), { class: "quiet" }),
				action("Block…", () => then(block(link.peer)), { class: "quiet danger" })) },
		],
	});
}

function endedTable() {
	return table({
		caption: "Links that ended recently",
		key: (link) => `${link.peer} ${link.at}`,
		state: (link) => `${link.label} ${ago(link.at)}`,
		columns: [
			{ label: "Peer", cell: (link) => peerName(link.peer, link.label) },
			{ label: "Why", why: WORDS.reason, cell: (link) => h("span", { title: `Noted as “${link.reason}”` }, reasonText(link.reason)) },
			{ label: "When", why: WORDS.ended, cell: (link) => h("time", { datetime: new Date(link.at * 1000).toISOString(), title: moment(link.at) }, ago(link.at)) },
		],
	});
}

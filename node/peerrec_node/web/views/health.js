// Network health: what is well with this node, what is not, and what to do about it.

import { get, readiness } from "../api.js";
import { checks } from "../parts/checks.js";
import { card, count, duration, h, icon, live, pageHead, showFigures, WORDS } from "../ui.js";

export const heading = "Network health";

const MOODS = { good: "well", warn: "worth a look", bad: "not well" };

/** @type {Mount} */
export function mount(root) {
	const box = h("div");
	const numbers = h("div");
	const summary = h("p", { class: "strong", role: "status", title: "How many of these checks need you" });
	root.append(pageHead(heading, "Whether the node can do its work, and what would help it."),
		card("Checks", summary, box), card("Numbers", numbers));
	const shown = live(box, {
		what: "health",
		load: () => Promise.all([get("/status"), get("/peers"), get("/trust"), readiness()]),
		show: ([status, peers, trust, ready]) => {
			const results = checks({ status, links: peers.links, nodes: trust.nodes, ready });
			const said = ["bad", "warn"].map((mood) => [results.filter((check) => check.mood === mood).length, MOODS[mood]])
				.filter(([n]) => n).map(([n, text]) => `${n} ${text}`);
			summary.textContent = said.length ? `${said.join(", ")}.` : "All is well.";
			box.replaceChildren(h("ul", { class: "checks" }, results.map((check) =>
				h("li", { class: check.mood, title: check.why }, icon(check.mood),
					h("div", {}, h("h3", {}, check.title, h("span", { class: `mood ${check.mood}` }, ` ${MOODS[check.mood]}`)),
						h("p", {}, check.text), h("p", { class: "why" }, check.why))))));
			showFigures(numbers, figures(status, peers.links));
		},
		kinds: ["status", "link", "sync"],
		everyMs: 15_000,
	});
	return shown.stop;
}

function figures(status, links) {
	const latencies = links.map((link) => link.latency_s).filter((each) => each !== null).sort((a, b) => a - b);
	const factors = status.factors;
	return [
		{ label: "Links", value: count(links.length), why: WORDS.links },
		{ label: "Median latency", value: duration(latencies[Math.floor(latencies.length / 2)]), why: WORDS.latency },
		{ label: "Known addresses", value: count(status.known_addresses), why: WORDS.known },
		{ label: "Followed authors", value: count(status.followed), why: WORDS.followed },
		{ label: "Strangers", value: count(status.strangers), why: WORDS.strangers },
		{ label: "Running for", value: duration(status.uptime_s), why: WORDS.uptime },
		{ label: "Exchanged tables", value: factors ? count(factors.exchanges) : "off", why: WORDS.exchanges },
		{ label: "Rows of the table", value: factors ? count(factors.rows) : "off", why: WORDS.rows },
	];
}

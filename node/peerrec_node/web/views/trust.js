// Trust map: oneself in the middle, peers on rings by hops, and a table of the same.

import { get } from "../api.js";
import { block, callIt, trust, unblock } from "../parts/people.js";
import { drawMap, hopsOf, nameOf, neighbour, shapeOf } from "../parts/ringmap.js";
import { action, card, count, decimal, empty, field, figureList, h, live, number, pageHead, peerName, percent, s, slider, table, WORDS } from "../ui.js";

export const heading = "Trust map";

const DRAWN_MAX = 150;
const EDGES_MAX = 600;
const NARROW_PX = 520;
const ZOOMS = ["", "zoom-2", "zoom-3"];

/** @type {Mount} */
export function mount(root) {
	const details = h("div", { class: "details", tabindex: -1 }, hint());
	const box = h("div", { class: "map-box" });
	const side = h("section", { class: "card", "aria-label": "Details of a peer", "aria-live": "polite" }, details);
	const rows = peersTable();
	const list = card("The same as a table", rows.box);
	const meanings = legend();
	let graph = null;
	let chosen = "";

	const choose = (peer) => {
		chosen = peer;
		for (const node of box.querySelectorAll(".node")) {
			node.setAttribute("aria-pressed", `${node.getAttribute("data-peer") === peer}`);
		}
		const node = graph?.nodes.find((each) => each.peer === peer);
		details.replaceChildren(graph && node ? nodeDetails(node, graph, changed) : hint());
	};

	const changed = async () => {
		await shown.refresh();
		choose(chosen);
		details.focus(); // the button that was pressed is no more
	};

	root.append(pageHead(heading, "Whom your trust reaches, how far, and who looks invented."),
		h("div", { class: "columns" },
			h("section", { class: "card", "aria-label": "Map" }, box, meanings),
			side),
		list);

	let drawn = "";
	const shown = live(box, {
		what: "the trust map",
		load: () => get("/trust"),
		show: (answer) => {
			graph = answer;
			rows.show(answer.nodes.slice(1).sort((a, b) => b.merit - a.merit));
			list.hidden = meanings.hidden = side.hidden = answer.nodes.length < 2;
			const state = JSON.stringify(answer);
			if (state === drawn && box.firstChild) return;
			drawn = state;
			showMap(box, answer, chosen, choose);
			if (chosen && !details.contains(document.activeElement)) choose(chosen);
		},
		kinds: ["link", "recommendations"],
		everyMs: 30_000,
	});
	return shown.stop;
}

/** Draw the map anew, keeping who is chosen, the focus and the zoom. */
function showMap(box, graph, chosen, choose) {
	if (graph.nodes.length < 2) {
		box.replaceChildren(empty("You trust nobody yet", "Connect to somebody you know and say that you trust them: the map grows from there.",
			h("p", {}, h("a", { href: "#/pairing" }, "Connect to somebody"))));
		return;
	}
	const held = box.querySelector(".node:focus")?.getAttribute("data-peer");
	const zoom = ZOOMS.find((name) => name && box.querySelector(`.scroller.${name}`)) ?? "";
	const [me, ...others] = graph.nodes;
	const nodes = [me, ...others.sort((a, b) => b.merit - a.merit || b.suspicion - a.suspicion).slice(0, DRAWN_MAX)];
	const edges = [...graph.edges].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, EDGES_MAX);
	const { picture, places } = drawMap(nodes, edges, box.clientWidth < NARROW_PX ? 1.7 : 1);
	const scroller = h("div", { class: `scroller ${zoom}` }, picture);
	steerable(picture, places, chosen, choose);
	box.replaceChildren(zoomButtons(scroller), scroller,
		h("p", { class: "small" }, graph.nodes.length > nodes.length
			? `${count(nodes.length - 1)} of ${count(graph.nodes.length - 1)} peers are drawn, those with most merit. ` : "",
		"Tab into the map, arrow keys to move, Enter for details."));
	if (held) picture.querySelector(`[data-peer="${held}"]`)["focus"]();
}

/** Let nodes be chosen by pointer and keyboard: one stop for Tab, arrows from there. */
function steerable(picture, places, chosen, choose) {
	const nodes = new Map(
		[...picture.querySelectorAll(".node")].map((node) => [node.getAttribute("data-peer"), node]));
	const stop = (peer) => {
		for (const [each, node] of nodes) node.setAttribute("tabindex", each === peer ? "0" : "-1");
	};
	const peerAt = (event) =>
		event.target.closest(".node")?.getAttribute("data-peer") ?? "";
	for (const [peer, node] of nodes) node.setAttribute("aria-pressed", `${peer === chosen}`);
	stop(nodes.has(chosen) ? chosen : places[0].node.peer);
	picture.addEventListener("click", (event) => {
		const peer = peerAt(event);
		if (peer) { stop(peer); choose(peer); }
	});
	picture.addEventListener("keydown", (event) => {
		const from = places.find((place) => place.node.peer === peerAt(event));
		if (!from) return;
		if (event.key === "Enter" || event.key === " ") choose(from.node.peer);
		const to = neighbour(places, from, event.key);
		if (to) { stop(to.node.peer); nodes.get(to.node.peer)?.focus(); }
		if (to || event.key === "Enter" || event.key === " ") event.preventDefault();
	});
}

function zoomButtons(scroller) {
	const zoom = (by) => () => {
		const now = ZOOMS.findIndex((name) => name && scroller.classList.contains(name));
		const next = Math.min(ZOOMS.length - 1, Math.max(0, Math.max(0, now) + by));
		scroller.className = `scroller ${ZOOMS[next]}`;
		scroller.scrollTo((scroller.scrollWidth - scroller.clientWidth) / 2, (scroller.scrollHeight - scroller.clientHeight) / 2);
	};
	return h("div", { class: "zoom" },
		h("button", { type: "button", class: "quiet", "aria-label": "Make the map larger", onclick: zoom(1) }, "+"),
		h("button", { type: "button", class: "quiet", "aria-label": "Make the map smaller", onclick: zoom(-1) }, "−"));
}

/** Return what colours, shapes and lines mean. */
function legend() {
	const swatch = (name, kind) => {
		const shape = shapeOf(kind, 8);
		shape.setAttribute("class", "shape");
		const over = kind === "low" ? null : shapeOf(kind, 8);
		over?.setAttribute("class", `over-${kind}`);
		return s("svg", { class: "swatch", viewBox: "-12 -12 24 24", "aria-hidden": "true" },
			s("g", { class: `node ${name} ${kind}` }, s("circle", { class: "halo", r: 10.5 }), shape, over));
	};
	const line = (name, picture) => h("li", {}, picture, name);
	const stroke = (kind, width) => s("svg", { class: "swatch", viewBox: "0 0 24 24", "aria-hidden": "true" },
		s("line", { class: kind, x1: 2, y1: 20, x2: 22, y2: 4, "stroke-width": width }));
	return h("ul", { class: "legend-map" },
		line("score good", swatch("score-best", "low")), line("no score yet", swatch("score-none", "low")),
		line("score bad", swatch("score-worst", "low")),
		line("somewhat suspicious", swatch("score-none", "some")), line("probably a Sybil", swatch("score-none", "high")),
		line("linked now", swatch("score-none linked", "low")),
		line("thicker: more merit", stroke("edge", 5)), line("distrust", stroke("edge against", 2.5)));
}

const hint = () => h("div", {}, h("h2", {}, "A peer"), h("p", {}, "Choose somebody on the map to see more."));

function nodeDetails(node, { nodes, edges }, changed) {
	const me = nodes[0].peer;
	const said = (deed) => deed.then((worked) => worked && changed());
	if (node.hops === 0) {
		return h("div", {}, h("h2", {}, "You"), h("p", {}, peerName(node.peer)), h("p", {},
			`You state trust in ${count(edges.filter((edge) => edge.from === node.peer && edge.weight > 0).length)} peers.`));
	}
	const mine = edges.find((edge) => edge.from === me && edge.to === node.peer);
	const range = slider({
		label: "Your trust", hint: WORDS.weight, min: -1, max: 1, step: 0.1, value: mine?.weight ?? 0,
		write: (value) => (value === 0 ? "none stated" : value < 0 ? `distrust ${decimal(value)}` : decimal(value)),
	});
	const name = field({ label: "Your name for it", name: "label", maxlength: 64, autocomplete: "off", value: node.label ?? "" });
	return h("div", {},
		h("h2", {}, h("bdi", {}, nameOf(node))),
		h("p", {}, peerName(node.peer)),
		figureList([
			{ label: "Hops", value: hopsOf(node) ?? "no path", why: WORDS.hops },
			{ label: "Merit", value: decimal(node.merit), why: WORDS.merit },
			{ label: "Score", value: decimal(node.score), why: WORDS.peerScore },
			{ label: "Suspicion", value: percent(node.suspicion), why: WORDS.suspicion, mood: node.suspicion >= 0.6 ? "bad" : undefined },
		]),
		range.box,
		h("div", { class: "row" },
			action("Save trust", () => said(trust(node.peer, range.input.valueAsNumber))),
			node.blocked ? action("Unblock", () => said(unblock(node.peer)), { class: "quiet" })
				: action("Block…", () => said(block(node.peer)), { class: "quiet danger" })),
		name.box, h("div", {}, action("Save name", () => said(callIt(node.peer, name.input.value.trim())), { class: "quiet" })));
}

/** Return the table of all peers. */
function peersTable() {
	return table({
		caption: "Peers that your trust reaches",
		key: (node) => node.peer,
		columns: [
			{ label: "Peer", cell: (node) => peerName(node.peer, node.label) },
			{ label: "Hops", why: WORDS.hops, number: true, cell: (node) => hopsOf(node) ?? "–" },
			{ label: "Merit", why: WORDS.merit, number: true, cell: (node) => decimal(node.merit) },
			{ label: "Score", why: WORDS.peerScore, number: true, cell: (node) => decimal(node.score) },
			{ label: "Suspicion", why: WORDS.suspicion, number: true, cell: (node) => number(percent(node.suspicion), WORDS.suspicion) },
			{ label: "State", cell: (node) => [node.blocked && "blocked", node.linked && "linked"].filter(Boolean).join(", ") || "–" },
		],
	});
}

// Draw the trust map: colour is score, thickness is merit, shape and pattern are suspicion.

import { s } from "./dom.js";
import { decimal, percent, short } from "./format.js";
import { placed } from "./rings.js";

const HALF = 500;
const RADIUS = 430;
const LABELS_MAX = 10;

/** Return what a peer is called. @type {(node: TrustNode) => string} */
export const nameOf = (node) => (node.hops === 0 ? "You" : node.label || short(node.peer));

/** Paths that are longer are not followed; the daemon answers one more for who is beyond. */
const HOPS_MAX = 3;

/** Return how far a peer is; null where no path leads to it. @type {(node: TrustNode) => string | null} */
export const hopsOf = ({ hops }) => (hops > HOPS_MAX ? null : `${hops}`);

/** @type {(node: TrustNode) => string} */
const hopsText = (node) => (node.hops > HOPS_MAX ? "no path of trust" : node.hops === 1 ? "1 hop" : `${node.hops} hops`);

/** Return a class for the colour of a score. @type {(score: number) => string} */
export function scoreClass(score) {
	if (score <= -50) return "score-worst";
	if (score <= -5) return "score-bad";
	if (score < 5) return "score-none";
	return score < 30 ? "score-good" : "score-best";
}

/** @type {(suspicion: number) => Suspicion} */
export function suspicionOf(suspicion) {
	if (suspicion < 0.3) return "low";
	return suspicion < 0.6 ? "some" : "high";
}

/** Return a peer in one sentence. @type {(node: TrustNode) => string} */
export function sentenceOf(node) {
	if (node.hops === 0) return "You, in the middle";
	const doubt = { low: "looks honest", some: "somewhat suspicious", high: "probably a Sybil" }[suspicionOf(node.suspicion)];
	return `${nameOf(node)}: ${hopsText(node)}, merit ${decimal(node.merit)}, score ${decimal(node.score)}, `
		+ `${doubt} (${percent(node.suspicion)})${node.linked ? ", linked" : ""}${node.blocked ? ", blocked" : ""}`;
}

/** Return a node's outline: circle, square or triangle. @type {(kind: Suspicion, r: number) => SVGElement} */
export function shapeOf(kind, r) {
	if (kind === "low") return s("circle", { r });
	if (kind === "some") return s("rect", { x: -r, y: -r, width: 2 * r, height: 2 * r, rx: r / 5 });
	return s("polygon", { points: `0,${-1.25 * r} ${1.15 * r},${0.85 * r} ${-1.15 * r},${0.85 * r}` });
}

function patterns() {
	return s("defs", {},
		s("pattern", { id: "hatch-some", width: 9, height: 9, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
			s("path", { class: "hatch", d: "M0 0V9" })),
		s("pattern", { id: "hatch-high", width: 7, height: 7, patternUnits: "userSpaceOnUse" },
			s("path", { class: "hatch", d: "M0 0L7 7M7 0L0 7" })));
}

function sizeOf({ node, ring }, scale, meritMax) {
	return ring === 0 ? 26 * scale : (11 + 12 * Math.sqrt(Math.max(0, node.merit) / meritMax)) * scale;
}

function drawNode({ node, ring, x, y }, r, { labelled, scale }) {
	const kind = suspicionOf(node.suspicion);
	const marks = `node ${ring === 0 ? "me" : scoreClass(node.score)} ${kind} ${node.linked ? "linked" : ""}`;
	const shape = shapeOf(kind, r);
	shape.setAttribute("class", "shape");
	const over = kind === "low" ? null : shapeOf(kind, r);
	over?.setAttribute("class", `over-${kind}`);
	return s("g", {
		class: marks, transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, role: "button",
		tabindex: -1, "aria-label": sentenceOf(node), "data-peer": node.peer,
	},
	s("title", {}, sentenceOf(node)),
	s("circle", { class: "reach", r: Math.max(r + 4, 20 * scale) }),
	s("circle", { class: "halo", r: r + 7 * scale }),
	shape, over,
	node.blocked && s("path", { class: "cross", d: `M${-r} ${-r}L${r} ${r}M${r} ${-r}L${-r} ${r}` }),
	labelled && s("text", { y: r + 21 * scale, "font-size": 20 * scale }, nameOf(node)));
}

function drawEdge(edge, from, to, meritMax) {
	const width = 0.8 + 7 * Math.sqrt(Math.max(0, to.node.merit) / meritMax);
	return s("line", {
		class: edge.weight < 0 ? "edge against" : "edge", x1: from.x, y1: from.y, x2: to.x, y2: to.y,
		"stroke-width": width.toFixed(2),
	});
}

/** Return the map, and the places of its nodes in reading order.
 * @type {(nodes: TrustNode[], edges: TrustEdge[], scale: number) => {picture: SVGSVGElement, places: Place[]}} */
export function drawMap(nodes, edges, scale) {
	const places = placed(nodes, edges, RADIUS);
	const at = new Map(places.map((place) => [place.node.peer, place]));
	const meritMax = Math.max(...nodes.slice(1).map((node) => node.merit), 1e-9);
	const named = new Set([...nodes].slice(1).sort((a, b) => b.merit - a.merit)
		.slice(0, scale > 1 ? LABELS_MAX / 2 : LABELS_MAX).map((node) => node.peer));
	const rings = [...new Set(places.map((place) => place.ring))].slice(1).map((ring) => places.filter((place) => place.ring === ring));
	const lines = edges.flatMap((edge) => {
		const from = at.get(edge.from);
		const to = at.get(edge.to);
		return from && to ? [drawEdge(edge, from, to, meritMax)] : [];
	});
	const picture = s("svg", {
		class: "ringmap", viewBox: `${-HALF} ${-HALF} ${2 * HALF} ${2 * HALF}`, role: "group",
		"aria-label": "Trust map: you in the middle, peers on rings by hops",
	},
	patterns(),
	rings.map(([first, next]) => {
		const r = Math.hypot(first.x, first.y);
		const between = (first.angle + (next?.angle ?? first.angle + 2 * Math.PI)) / 2;
		return [s("circle", { class: "ring", r }),
			s("text", { class: "hops", x: r * Math.sin(between), y: -r * Math.cos(between), "font-size": 17 * scale }, hopsText(first.node))];
	}),
	s("g", { "aria-hidden": "true" }, lines),
	places.map((place) => drawNode(place, sizeOf(place, scale, meritMax), {
		labelled: place.ring === 0 || named.has(place.node.peer), scale,
	})));
	return { picture, places };
}

/** Return the place to which an arrow key leads: along the ring, or to the next ring.
 * @type {(places: Place[], from: Place, key: string) => Place | null} */
export function neighbour(places, from, key) {
	const rings = [...new Set(places.map((place) => place.ring))].sort((a, b) => a - b);
	const same = places.filter((place) => place.ring === from.ring);
	const along = { ArrowRight: 1, ArrowLeft: -1 }[key];
	if (along) return same[(same.indexOf(from) + along + same.length) % same.length];
	const across = { ArrowDown: 1, ArrowUp: -1 }[key];
	if (!across) return { Home: places[0], End: places[places.length - 1] }[key] ?? null;
	const next = rings[rings.indexOf(from.ring) + across];
	const far = (place) => Math.hypot(place.x - from.x, place.y - from.y);
	const there = places.filter((place) => place.ring === next);
	return there.sort((a, b) => far(a) - far(b))[0] ?? null;
}

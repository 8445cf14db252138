// Place peers on rings around oneself: the ring says hops, neighbours share who trusts them.

/** Who cannot be reached stands on the outermost ring. */
const RINGS_MAX = 4;

/** Return who leads to each node: the one nearer to the middle that trusts it most. */
function parents(edges, ring) {
	const best = new Map();
	for (const edge of edges) {
		if (edge.weight <= 0 || ring(edge.from) >= ring(edge.to)) continue;
		if (edge.weight > (best.get(edge.to)?.weight ?? 0)) best.set(edge.to, edge);
	}
	return new Map([...best].map(([to, edge]) => [to, edge.from]));
}

/** Return where each node stands, ring by ring, each ring clockwise.
 * @type {(nodes: TrustNode[], edges: TrustEdge[], radius: number) => Place[]} */
export function placed(nodes, edges, radius) {
	const rings = new Map(nodes.map((node, at) => [node.peer, ringOf(node, at)]));
	const used = [...new Set(rings.values())].filter((ring) => ring > 0).sort((a, b) => a - b);
	const parent = parents(edges, (peer) => rings.get(peer) ?? Infinity);
	const places = new Map();
	if (nodes.length) places.set(nodes[0].peer, { node: nodes[0], ring: 0, x: 0, y: 0, angle: 0 });
	used.forEach((ring, step) => {
		const distance = (radius * (step + 1)) / used.length;
		const wish = (node) => places.get(parent.get(node.peer) ?? "")?.angle ?? 0;
		const here = nodes.filter((node) => rings.get(node.peer) === ring)
			.map((node) => ({ node, angle: ring === used[0] ? NaN : wish(node) }))
			.sort((a, b) => (Number.isNaN(a.angle) ? 0 : a.angle - b.angle) || b.node.merit - a.node.merit
				|| (a.node.peer < b.node.peer ? -1 : 1));
		spread(here).forEach((angle, at) => {
			const { node } = here[at];
			const x = distance * Math.sin(angle);
			places.set(node.peer, { node, ring, x, y: -distance * Math.cos(angle), angle });
		});
	});
	return [...places.values()];
}

function ringOf(node, at) {
	if (at === 0) return 0;
	return Math.min(Math.max(1, node.hops), RINGS_MAX);
}

/** Return angles near the wished ones, in their order, none closer than the ring allows. */
function spread(wishes) {
	const n = wishes.length;
	const even = (2 * Math.PI) / n;
	if (n && Number.isNaN(wishes[0].angle)) return wishes.map((_, at) => at * even);
	const gap = Math.min(even, 0.3);
	const angles = wishes.map(({ angle }) => angle);
	// Siblings wish for one place: centre each run of them on it, then push apart.
	for (let at = 0; at < n; ) {
		let end = at;
		while (end < n && wishes[end].angle === wishes[at].angle) end += 1;
		for (let k = at; k < end; k += 1) angles[k] += (k - (at + end - 1) / 2) * gap;
		at = end;
	}
	for (let at = 1; at < n; at += 1) angles[at] = Math.max(angles[at], angles[at - 1] + gap);
	// A whole turn may have been passed: then even steps are all there is room for.
	if (!n || angles[n - 1] - angles[0] <= 2 * Math.PI - gap) return angles;
	// The ring is turned to where its nodes are nearest to their wishes.
	const sum = (part) => wishes.reduce((total, { angle }, at) => total + part(angle - at * even), 0);
	const turn = Math.atan2(sum(Math.sin), sum(Math.cos));
	return angles.map((_, at) => turn + at * even);
}

// Logs and storage: what is kept of whom, and how much of the budgets it takes.

import { get } from "../api.js";
import { bytes, card, count, empty, h, live, meter, pageHead, peerName, percent, showFigures, table, WORDS } from "../ui.js";

export const heading = "Logs and storage";

/** @type {Mount} */
export function mount(root) {
	const numbers = h("div");
	const budget = h("div");
	const rows = logsTable();
	const none = empty("No logs yet", "Logs arrive as soon as this node is linked to somebody, and your own begins when you record something public.");
	const box = h("div");
	root.append(pageHead(heading, "What this device keeps of whom, and how much of it."),
		card("Budget", budget, numbers), card("Logs", box));

	const shown = live(box, {
		what: "logs",
		load: () => Promise.all([get("/logs"), get("/status")]),
		show: ([held, status]) => {
			budget.replaceChildren(meter({
				label: "Other people’s segments", value: held.held_bytes, max: held.budget_bytes, why: `${WORDS.held} ${WORDS.budget}`,
				text: `${bytes(held.held_bytes)} of ${bytes(held.budget_bytes)} (${percent(held.held_bytes / Math.max(1, held.budget_bytes))})`,
			}));
			showFigures(numbers, figures(status));
			const logs = [...held.logs].sort((a, b) => b.bytes - a.bytes);
			const want = logs.length ? rows.box : none;
			if (!box.contains(want)) box.replaceChildren(want);
			rows.show(logs.map((log) => ({ ...log, own: log.author === status.peer })));
		},
		kinds: ["sync"],
		everyMs: 15_000,
	});
	return shown.stop;
}

/** @type {(status: any) => Figure[]} */
const figures = (status) => [
	{ label: "Store on disk", value: bytes(status.store_bytes), why: WORDS.storeBytes },
	{ label: "Segments", value: count(status.segments), why: WORDS.segments },
	{ label: "In segments", value: bytes(status.segment_bytes), why: WORDS.segmentBytes },
	{ label: "Logs", value: count(status.logs), why: WORDS.logs },
	{ label: "Interactions", value: count(status.interactions), why: WORDS.interactions },
	{ label: "Items", value: count(status.items), why: WORDS.items },
	{ label: "Forked logs", value: count(status.forks), why: WORDS.forks, mood: status.forks ? "warn" : undefined },
];

function logsTable() {
	return table({
		caption: "Logs, the largest first",
		key: (log) => `${log.author} ${log.epoch}`,
		columns: [
			{ label: "Author", cell: (log) => peerName(log.author) },
			{ label: "Segments", why: WORDS.segments, number: true, cell: (log) => count(log.segments) },
			{ label: "Size", why: WORDS.logBytes, number: true, cell: (log) => bytes(log.bytes) },
			{ label: "Numbers", why: WORDS.seq, number: true, cell: (log) => `${log.first_seq}–${log.last_seq}` },
			{ label: "Epoch", why: WORDS.epoch, number: true, cell: (log) => `${log.epoch}` },
			{ label: "State", cell: (log) => h("span", { class: log.forked ? "bad" : "" },
				log.forked ? "forked, not believed" : log.own ? "yours" : log.followed ? "followed" : "kept for exploration") },
		],
	});
}

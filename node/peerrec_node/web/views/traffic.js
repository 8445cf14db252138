// Live traffic: bytes a second now, and which types of messages make them.

import { EVERY_MS, ROOM, measure } from "../parts/history.js";
import { sparkline } from "../parts/sparkline.js";
import { bytes, card, count, empty, failure, h, loading, pageHead, rate, showFigures, table, WORDS } from "../ui.js";

export const heading = "Live traffic";

/** @type {Mount} */
export function mount(root) {
	const into = sparkline({ label: "Bytes in a second", room: ROOM, write: rate });
	const out = sparkline({ label: "Bytes out a second", room: ROOM, write: rate });
	const numbersIn = h("div");
	const numbersOut = h("div");
	let history = null;
	const rows = typesTable((type) => history.types.get(type) ?? []);
	const none = empty("No messages yet", "Nothing has been sent or received since the node began.");
	const box = h("div", {}, loading("traffic"));
	root.append(pageHead(heading, `What goes over this node’s links, over the last ${(ROOM * EVERY_MS) / 60_000} minutes.`),
		h("div", { class: "columns even" }, card("In", numbersIn, into.box), card("Out", numbersOut, out.box)),
		card("By type of message", box));

	const show = ({ types, rate: now }, measured) => {
		history = measured;
		const total = (key) => types.reduce((sum, type) => sum + type[key], 0);
		showFigures(numbersIn, [
			{ label: "Now", value: rate(now.in_bytes_s), why: WORDS.rateIn },
			{ label: "In all", value: bytes(total("bytes_in")), why: "Bytes received since the node began." },
		]);
		showFigures(numbersOut, [
			{ label: "Now", value: rate(now.out_bytes_s), why: WORDS.rateOut },
			{ label: "In all", value: bytes(total("bytes_out")), why: "Bytes sent since the node began." },
		]);
		into.show(history.into);
		out.show(history.out);
		const want = types.length ? rows.box : none;
		if (!box.contains(want)) box.replaceChildren(want);
		rows.show([...types].sort((a, b) => b.bytes_in + b.bytes_out - a.bytes_in - a.bytes_out));
	};
	const measuring = measure(show);
	const begin = () => {
		box.replaceChildren(loading("traffic"));
		measuring.refresh().catch((error) => box.replaceChildren(failure(error, begin)));
	};
	begin();
	return measuring.stop;
}

function typesTable(valuesOf) {
	const lines = new Map();
	const lineOf = (type) => {
		const line = lines.get(type) ?? sparkline({ label: `Trend of ${type}`, room: ROOM, small: true, write: bytes });
		lines.set(type, line);
		line.show(valuesOf(type));
		return line.box;
	};
	return table({
		caption: "Traffic by type of message, most bytes first",
		key: (kind) => kind.type,
		state: (kind) => `${JSON.stringify(kind)} ${valuesOf(kind.type).join()}`,
		columns: [
			{ label: "Type", cell: (kind) => h("span", { class: "mono" }, kind.type) },
			{ label: "Messages in / out", why: WORDS.messages, number: true, cell: (kind) => `${count(kind.messages_in)} / ${count(kind.messages_out)}` },
			{ label: "Bytes in / out", why: WORDS.typeBytes, number: true, cell: (kind) => `${bytes(kind.bytes_in)} / ${bytes(kind.bytes_out)}` },
			{ label: "Trend", why: WORDS.trend, cell: (kind) => lineOf(kind.type) },
		],
	});
}

// Remember the traffic of the last two minutes, while its view is shown.

import { get } from "../api.js";
import { on } from "../events.js";

/** How many measurements are kept, and how far they are apart. */
export const ROOM = 60;
export const EVERY_MS = 2_000;

function push(values, value) {
	values.push(value);
	if (values.length > ROOM) values.shift();
}

/** Measurements of the traffic, oldest first. */
export class History {
	constructor() {
		this.into = [];
		this.out = [];
		// Bytes of each type between two measurements.
		this.types = new Map();
		this.totals = new Map();
	}

	/** Add a measurement. @param {Traffic} traffic */
	add({ types, rate }) {
		push(this.into, rate.in_bytes_s);
		push(this.out, rate.out_bytes_s);
		for (const { type, bytes_in, bytes_out } of types) {
			const total = bytes_in + bytes_out;
			const values = this.types.get(type) ?? [];
			const before = this.totals.get(type);
			if (before !== undefined) push(values, Math.max(0, total - before));
			this.types.set(type, values);
			this.totals.set(type, total);
		}
	}
}

/** Measure until it is stopped. @type {(show: (traffic: Traffic, history: any) => void) => Live} */
export function measure(show) {
	const history = new History();
	const refresh = async () => {
		const traffic = await get("/traffic");
		history.add(traffic);
		show(traffic, history);
	};
	const timer = setInterval(() => {
		if (!document.hidden) refresh().catch(() => undefined); // the head of the page tells
	}, EVERY_MS);
	const end = on("line", (open) => { if (open) refresh().catch(() => undefined); });
	return { refresh, stop: () => { clearInterval(timer); end(); } };
}

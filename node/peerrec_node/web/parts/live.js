// Keep a part of a view up to date: load, show, load again when something happened.

import { ApiError } from "../api.js";
import { on } from "../events.js";
import { failure, loading } from "./states.js";

const CALM_MS = 1_000;

/** Show what a request answers, from now until it is stopped. While a later request fails, the
 * older answer stays: the head of the page says that the daemon is gone.
 * @template T @param {HTMLElement} box @param {LiveOptions<T>} options @returns {Live} */
export function live(box, { what, load, show, kinds = [], everyMs = 0 }) {
	let shown = false;
	let stopped = false;
	let loadingNow = false;
	let wanted = false;
	let calm;

	async function refresh() {
		wanted = true;
		if (loadingNow || stopped) return;
		loadingNow = true;
		while (wanted && !stopped) {
			wanted = false;
			try {
				const data = await load();
				if (stopped) return;
				if (!shown) box.replaceChildren();
				show(data, box);
				shown = true;
			} catch (error) {
				if (stopped) return;
				if (!(error instanceof ApiError)) console.error(error);
				if (!shown || !(error instanceof ApiError)) {
					shown = false;
					box.replaceChildren(failure(error, again));
				}
			}
		}
		loadingNow = false;
	}

	function again() {
		box.replaceChildren(loading(what));
		void refresh();
	}

	function soon() {
		calm ??= setTimeout(() => {
			calm = undefined;
			void refresh();
		}, CALM_MS);
	}

	const ends = kinds.map((kind) => on(kind, soon));
	// The stream came back: who knows what was missed.
	ends.push(on("line", (open) => { if (open && shown) soon(); else if (open) again(); }));
	const timer = everyMs ? setInterval(() => { if (!document.hidden) void refresh(); }, everyMs) : 0;
	box.replaceChildren(loading(what));
	void refresh();
	return {
		refresh,
		stop() {
			stopped = true;
			clearInterval(timer);
			clearTimeout(calm);
			for (const end of ends) end();
		},
	};
}

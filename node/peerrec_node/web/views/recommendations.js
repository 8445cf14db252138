// Recommendations: the list with its reasons, what steers it, and a box to record.

import { get, patch, post } from "../api.js";
import { itemCard, titleOf } from "../parts/item.js";
import { action, attempt, busy, card, empty, field, h, keyed, live, pageHead, percent, slider, tick, toast, WORDS } from "../ui.js";

export const heading = "Recommendations";

const STEP = innerWidth < 780 ? 10 : 20;
const N_MAX = 100;
const SETTLED_MS = 250;

const SAID = {
	more: "More like “?” will be recommended.",
	less: "Less like “?” will be recommended.",
	mute: "“?” will not be recommended again.",
	unmute: "“?” may be recommended again.",
};

/** @type {Mount} */
export function mount(root) {
	const asked = { n: STEP, explore: null };
	const list = h("ol", { class: "items" });
	const notes = h("div", { class: "notes" });
	const more = action("Show more", () => {
		asked.n = Math.min(asked.n + STEP, N_MAX);
		return shown.refresh();
	}, { class: "quiet wide" });
	const box = h("div");
	const news = h("p", { class: "hidden", role: "status" });

	const steer = async (item, how) => {
		const worked = await attempt(() => post("/feedback", { item: item.item, action: how }));
		if (!worked) return;
		toast(SAID[how].replace("?", titleOf(item)), how === "mute" ? { undo: () => void steer(item, "unmute") } : {});
		await shown.refresh();
	};

	const muted = mutedCard(steer);
	const show = (answer) => {
		if (!box.contains(list)) box.replaceChildren(notes, list, more);
		showItems(list, answer.items, steer);
		notes.replaceChildren(...answer.notes.map((note) => h("p", {}, note)));
		if (answer.items.length === 0) notes.append(nothingYet());
		more.hidden = answer.items.length < asked.n || asked.n >= N_MAX;
	};

	root.append(pageHead(heading, "What fits you, found along paths through people you trust."), news,
		h("div", { class: "columns" },
			card("Your list", box),
			h("div", {}, recordCard(() => void shown.refresh()), exploreCard(asked, () => void shown.refresh()), muted.box)));

	let before = "";
	const shown = live(box, {
		what: "recommendations",
		load: () => Promise.all([
			get("/recommendations", asked.explore === null ? { n: asked.n } : { n: asked.n, explore: asked.explore }), get("/muted"),
		]),
		show: ([answer, hidden]) => {
			muted.show(hidden.items);
			const now = answer.items.map((item) => item.item).join("\n");
			if (before && now !== before) news.textContent = `The list has changed: ${answer.items.length} recommendations.`;
			before = now;
			show(answer);
		},
		kinds: ["recommendations"],
		everyMs: 60_000,
	});
	return shown.stop;
}

/** Show the items; who had the focus on one that left finds it on the next one. */
function showItems(list, items, steer) {
	const held = list.contains(document.activeElement) ? document.activeElement : null;
	const place = held ? [...list.children].findIndex((child) => child.contains(held)) : -1;
	const doing = held?.getAttribute("data-action");
	const best = items[0]?.score ?? 1;
	keyed(list, items, (item) => item.item, (item, old) => {
		const state = JSON.stringify([item, best]);
		if (old?.getAttribute("data-state") === state || old?.querySelector("details[open]")) return old;
		const made = itemCard(item, best, steer);
		made.setAttribute("data-state", state);
		return made;
	});
	if (place >= 0 && !list.contains(document.activeElement)) {
		const next = list.children[Math.min(place, list.children.length - 1)];
		next?.querySelector(`[data-action="${doing ?? "more"}"]`)?.focus();
	}
}

/** Return what is said while nothing can be recommended. */
const nothingYet = () => empty("Nothing to recommend yet",
	"Record a few things you like, and connect to somebody whose taste you trust.",
	h("p", {}, h("a", { href: "#/pairing" }, "Connect to somebody")));

/** Return the list of what is never recommended, shown where there is any. */
function mutedCard(steer) {
	const list = h("ul", { class: "muted" });
	const box = card("Muted", list);
	const show = (items) => {
		box.hidden = items.length === 0;
		keyed(list, items, (item) => item.item, (item, old) => old ?? h("li", { class: "row" }, h("bdi", {}, titleOf(item)),
			action(["Unmute", h("span", { class: "hidden" }, ` ${titleOf(item)}`)], () => steer(item, "unmute"), { class: "quiet" })));
	};
	show([]);
	return { box, show };
}

/** Return the box in which something can be recorded. */
function recordCard(done) {
	const item = field({
		label: "Item", name: "item", required: true, maxlength: 1024, autocomplete: "off",
		hint: "A name or an address, always written the same way, such as track:feeling-good.",
	});
	const open = tick("Public: trusted peers may see it", { name: "public" });
	const button = h("button", { type: "submit" }, "Record");
	const form = h("form", { class: "stack", novalidate: true }, item.box, open.box, button);
	form.addEventListener("submit", async (event) => {
		event.preventDefault();
		const text = item.input.value.trim();
		item.complain(text ? "" : "Write what you used, heard or read.");
		if (!text) return;
		try {
			await busy(button, () => post("/interactions", { item: text, public: open.input.checked }));
			toast(`“${text}” was recorded.`);
			item.input.value = "";
			item.input.focus();
			done();
		} catch (error) {
			item.complain(error.message);
		}
	});
	return card("Record something you like", form);
}

/** Return the slider between what fits best and what is new. */
function exploreCard(asked, changed) {
	const range = slider({ label: "Explore", hint: WORDS.explore, value: 0, write: percent });
	let timer;
	range.input.addEventListener("input", () => {
		asked.explore = range.input.valueAsNumber;
		clearTimeout(timer);
		timer = setTimeout(changed, SETTLED_MS);
	});
	const keep = action("Keep as my default",
		() => attempt(() => patch("/settings", { explore: range.input.valueAsNumber }), "The default was kept."),
		{ class: "quiet" });
	// Where the present default cannot be read, the slider begins at 0 and says nothing.
	get("/settings").then((settings) => {
		if (asked.explore === null && settings.explore) range.show(settings.explore);
	}, () => undefined);
	return card("How adventurous", range.box, keep);
}

// Show one recommended item: what it is, why it is here, and how to steer.

import { get } from "../api.js";
import { h } from "./dom.js";
import { busy } from "./form.js";
import { number } from "./figure.js";
import { count, decimal, percent, short } from "./format.js";
import { icon } from "./icons.js";
import { empty, failure } from "./states.js";
import { WORDS } from "./words.js";

const BUTTONS = /** @type {const} */ ([
	["more", "More", "Recommend more like this"],
	["less", "Less", "Recommend less like this, and not this itself"],
	["mute", "Mute", "Never recommend this"],
]);

/** Return what an item is called. @type {(item: Item) => string} */
export const titleOf = (item) => item.name || item.item;

const reasonLine = (reason) =>
	h("li", {}, icon(reason.peer ? "person" : "star"), h("span", {}, reason.text));

/** Return an item's place in the list. @type {(item: Item, best: number, steer: Steer) => HTMLElement} */
export function itemCard(item, best, steer) {
	const name = titleOf(item);
	const buttons = BUTTONS.map(([action, label, hint]) => {
		const button = h("button", { type: "button", class: "quiet", title: hint, "data-action": action },
			icon(action), label, h("span", { class: "hidden" }, ` like ${name}`));
		button.addEventListener("click", () => {
			if (!button.hasAttribute("aria-busy")) void busy(button, () => steer(item, action));
		});
		return button;
	});
	return h("li", { class: "item" },
		h("div", { class: "item-head" },
			h("h3", {}, h("bdi", {}, name)),
			h("span", { class: "score", title: WORDS.score },
				h("meter", { min: 0, max: Math.max(best, 1e-12), value: item.score, "aria-label": `Score of ${name}`, title: WORDS.score }),
				number(decimal(item.score), WORDS.score))),
		item.name && item.name !== item.item && h("p", { class: "mono small" }, item.item),
		h("ul", { class: "reasons" }, item.reasons.map(reasonLine)),
		h("div", { class: "row" }, buttons, details(item)));
}

/** Return a fold that says more when it is opened. */
function details(item) {
	const box = h("div", { class: "why-box", role: "group", "aria-label": `More about ${titleOf(item)}` });
	const fold = h("details", {}, h("summary", {}, "Why?", h("span", { class: "hidden" }, ` ${titleOf(item)}`)), box);
	const load = async () => {
		box.replaceChildren(h("p", {}, "Looking…"));
		try {
			const [why, near] = await Promise.all([
				get("/explain", { item: item.item }), get("/similar", { item: item.item, n: 5 }),
			]);
			box.replaceChildren(...explained(why, near.items));
		} catch (error) {
			box.replaceChildren(failure(error, load, "h3"));
		}
	};
	fold.addEventListener("toggle", () => { if (fold.open && !box.firstChild) void load(); });
	return fold;
}

function explained(why, near) {
	return [
		why.reasons.length ? h("ul", { class: "reasons" }, why.reasons.map(reasonLine))
			: empty("No path leads here", "It is in the list for exploration."),
		h("p", {}, "Score ", number(decimal(why.score), WORDS.score), why.rank && [" · place ", number(count(why.rank), "Place among all items that can be recommended, muted ones left out")]),
		...why.paths.map(({ peers, item, share }) => h("p", { class: "small" }, [item, ...peers.map((peer) => (peer.length === 56 ? short(peer) : peer))].filter(Boolean).join(" → "), " ",
			number(percent(share), "Share of the score that this path brings"))),
		...why.notes.map((note) => h("p", {}, note)),
		near.length > 0 && h("p", {}, "Similar: ", near.map((each, at) => [at ? ", " : "",
			h("bdi", { title: `Similarity ${decimal(each.score)}: how many of the people heard have both` }, each.name || each.item)])),
	].filter((node) => node instanceof Node);
}

// Show numbers with what they mean: as a tip, to screen readers, and in words on demand.

import { h, newId } from "./dom.js";

/** Return a list of numbers, each with its explanation. @type {(figures: Figure[]) => HTMLElement} */
export function figureList(figures) {
	return h("dl", { class: "figures" }, figures.map(({ label, value, why, mood }) => {
		const id = newId("why");
		return h("div", { class: mood ? `figure ${mood}` : "figure", title: why },
			h("dt", {}, label),
			h("dd", { class: "value", "aria-describedby": id }, value),
			h("dd", { class: "why", id }, why));
	}));
}

/** Put newer numbers into a list that has the same figures, in place.
 * @type {(box: HTMLElement, figures: Figure[]) => void} */
export function showFigures(box, figures) {
	const list = box.firstElementChild;
	if (list?.matches(".figures") && list.children.length === figures.length) {
		figures.forEach(({ value, mood }, at) => {
			const figure = list.children[at];
			figure.className = mood ? `figure ${mood}` : "figure";
			const place = figure.querySelector(".value");
			if (place && place.textContent !== value) place.textContent = value;
		});
	} else {
		box.replaceChildren(figureList(figures));
	}
}

/** Return a number in running text or in a table, with its explanation.
 * @type {(value: string, why: string) => HTMLElement} */
export const number = (value, why) => h("span", { class: "number", title: why }, value);

/** Return a bar that shows a share of a whole.
 * @type {(options: {label: string, value: number, max: number, text: string, why: string}) => HTMLElement} */
export function meter({ label, value, max, text, why }) {
	const id = newId("meter");
	return h("div", { class: "meter", title: why },
		h("p", { id }, h("span", {}, label), h("span", { class: "number" }, text)),
		h("meter", { min: 0, max: Math.max(max, 1), high: max * 0.9, value: Math.min(value, max), "aria-labelledby": id }),
		h("p", { class: "why" }, why));
}

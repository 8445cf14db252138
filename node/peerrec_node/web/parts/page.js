// Lay out a view: its heading, what it is for, and its parts.

import { h, newId } from "./dom.js";

/** Return the head of a view. @type {(heading: string, lead: string) => HTMLElement} */
export const pageHead = (heading, lead) =>
	h("header", { class: "page-head" }, h("h1", {}, heading), h("p", { class: "lead" }, lead));

/** Return a titled part of a view. @type {(title: string, ...children: Child[]) => HTMLElement} */
export function card(title, ...children) {
	const id = newId("card");
	return h("section", { class: "card", "aria-labelledby": id }, h("h2", { id }, title), ...children);
}

// Tell of something that happened, on the screen and to screen readers.

import { h } from "./dom.js";

const STAYS_MS = 7_000;

/** Say a sentence; errors stay until they are closed.
 * @type {(text: string, options?: {bad?: boolean, undo?: () => void}) => void} */
export function toast(text, { bad = false, undo } = {}) {
	const place = document.getElementById("toasts");
	if (!place) return;
	const box = h("div", { class: bad ? "toast bad" : "toast" }, h("p", {}, text));
	const close = () => box.remove();
	if (undo) {
		box.append(h("button", { type: "button", class: "quiet", onclick: () => { close(); undo(); } }, "Undo"));
	}
	box.append(h("button", { type: "button", class: "quiet", "aria-label": "Close message", onclick: close }, "×"));
	place.replaceChildren(box); // one at a time: more would hide what is being done
	if (!bad) wait(box, undo ? 2 * STAYS_MS : STAYS_MS);
}

/** Take a message away, unless somebody is at it. */
function wait(box, ms) {
	setTimeout(() => {
		if (box.matches(":hover, :focus-within")) wait(box, ms);
		else box.remove();
	}, ms);
}

/** Do what may fail, and say so where it did; return whether it worked.
 * @type {(deed: () => Promise<unknown>, done?: string) => Promise<boolean>} */
export async function attempt(deed, done) {
	try {
		await deed();
		if (done) toast(done);
		return true;
	} catch (error) {
		toast(error.message, { bad: true });
		return false;
	}
}

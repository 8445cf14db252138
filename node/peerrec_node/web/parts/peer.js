// Name a peer so that people can tell it apart, and copy its id.

import { h } from "./dom.js";
import { short } from "./format.js";
import { icon } from "./icons.js";
import { attempt } from "./toast.js";

/** Copy a text; say whether it worked. @type {(text: string, what: string) => Promise<boolean>} */
export const copy = (text, what) => attempt(async () => {
	if (!navigator.clipboard) throw new Error(`The browser does not let this page copy; select the ${what} by hand.`);
	await navigator.clipboard.writeText(text);
}, `The ${what} was copied.`);

/** Return a button that copies a text. @type {(text: string, what: string, worded?: boolean) => HTMLElement} */
export const copyButton = (text, what, worded = false) =>
	h("button", {
		type: "button", class: worded ? null : "quiet tiny", title: `Copy the ${what}`,
		"aria-label": worded ? null : `Copy the ${what}`, onclick: () => void copy(text, what),
	}, icon("copy"), worded && "Copy");

/** Return a peer's label, or the ends of its id, with the whole id as a tip.
 * @type {(peer: string, label?: string | null) => HTMLElement} */
export const peerName = (peer, label = null) =>
	h("span", { class: "peer" },
		h("bdi", { class: label ? "strong" : "mono", title: `Whole id: ${peer}` }, label || short(peer)),
		copyButton(peer, "peer’s id"));

// Turn the one-time token of the printed address into a cookie that scripts cannot read.

import { ApiError, post } from "./api.js";
import { h } from "./parts/dom.js";
import { busy, field } from "./parts/form.js";

/** Exchange the token in the address, if there is one, and take it out of the history.
 * @type {() => Promise<void>} */
export async function takeToken() {
	const found = /^#token=([^&]+)/.exec(location.hash);
	if (!found) return;
	history.replaceState(null, "", `${location.pathname}#/recommendations`);
	await post("/session", { token: decodeURIComponent(found[1]) });
}

/** Return a page that asks for a token. @type {(why: string, done: () => void) => HTMLElement} */
export function askToken(why, done) {
	const token = field({ label: "Token", name: "token", autocomplete: "off", required: true });
	const button = h("button", { type: "submit" }, "Open the dashboard");
	const form = h("form", { class: "stack" }, token.box, button);
	form.addEventListener("submit", async (event) => {
		event.preventDefault();
		// People copy the whole address as often as the token in it.
		const text = token.input.value.trim().replace(/^.*#token=/, "");
		token.complain("");
		try {
			await busy(button, () => post("/session", { token: text }));
			done();
		} catch (error) {
			token.complain(error.message);
		}
	});
	return h("section", { class: "card identify" },
		h("h1", {}, "Please identify yourself"),
		h("p", {}, why),
		h("p", {}, "Each start of ", h("code", {}, "peerrec run"),
			", and ", h("code", {}, "peerrec token dashboard"), ", prints an address with a new one-time token. Open it, or paste it here."),
		form);
}

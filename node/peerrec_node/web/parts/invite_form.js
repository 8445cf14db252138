// Take an invite link from a person.

import { h } from "./dom.js";
import { busy, field } from "./form.js";
import { meet } from "./people.js";
import { toast } from "./toast.js";

const LOOKS_RIGHT = /^peerrec:\/\/[a-z2-7]{56}@[^\s@]+#\S+$/i;

/** Return a form that meets who is behind an invite. @type {(done: () => void) => HTMLElement} */
export function inviteForm(done) {
	const link = field({
		label: "Invite link", name: "invite", required: true, autocomplete: "off",
		placeholder: "peerrec://…@host:port#network", hint: "Somebody else’s node shows it under “Pairing”.",
	});
	const button = h("button", { type: "submit" }, "Connect");
	const form = h("form", { class: "stack", novalidate: true }, link.box, button);
	form.addEventListener("submit", async (event) => {
		event.preventDefault();
		const text = link.input.value.trim();
		link.complain("");
		if (!LOOKS_RIGHT.test(text)) {
			link.complain("This is no whole invite link: it begins with peerrec:// and ends with # and the network’s name.");
			return;
		}
		try {
			await busy(button, () => meet(text));
			link.input.value = "";
			toast("The node calls there; the link appears as soon as it stands.");
			done();
		} catch (error) {
			link.complain(error.message);
		}
	});
	return form;
}

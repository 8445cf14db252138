// Ask before something that is hard to take back.

import { h } from "./dom.js";

/** Return whether a person wants it.
 * @type {(question: string, consequence: string, yes: string) => Promise<boolean>} */
export function confirmed(question, consequence, yes) {
	return new Promise((resolve) => {
		const close = (said) => () => dialog.close(said);
		const dialog = h("dialog", { "aria-labelledby": "ask", "aria-describedby": "then" },
			h("h2", { id: "ask" }, question),
			h("p", { id: "then" }, consequence),
			h("div", { class: "row end" },
				h("button", { type: "button", class: "quiet", autofocus: true, onclick: close("no") }, "Cancel"),
				h("button", { type: "button", class: "danger", onclick: close("yes") }, yes)));
		dialog.addEventListener("close", () => {
			dialog.remove();
			resolve(dialog.returnValue === "yes");
		});
		document.body.append(dialog);
		dialog.showModal();
	});
}

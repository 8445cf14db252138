// Settings: what can be changed while the daemon runs.

import { get, patch } from "../api.js";
import { control, fix, labelOf } from "../parts/setting.js";
import { busy, card, h, live, pageHead, toast } from "../ui.js";

export const heading = "Settings";

/** @type {Mount} */
export function mount(root) {
	const box = h("div");
	root.append(pageHead(heading, "How this node takes part. What you change here is kept."), card("This node", box));
	const shown = live(box, { what: "settings", load: () => get("/settings"), show: showForm });
	return shown.stop;
}

function showForm(settings, box) {
	const controls = Object.entries(settings).flatMap(([key, value]) => control(key, value) ?? []);
	for (const each of controls) if (settings.fixed?.[each.key]) fix(each, settings.fixed[each.key]);
	const save = h("button", { type: "submit" }, "Save");
	const said = h("p", { class: "complaint", "aria-live": "polite" });
	const form = h("form", { class: "settings" }, controls.map((each) => each.box), said, h("div", { class: "row" }, save));
	form.addEventListener("submit", async (event) => {
		event.preventDefault();
		said.textContent = "";
		const changed = Object.fromEntries(controls.filter((each) => each.value() !== each.before)
			.map((each) => [each.key, each.value()]));
		if (Object.keys(changed).length === 0) {
			toast("Nothing was changed.");
			return;
		}
		try {
			const now = await busy(save, () => patch("/settings", changed));
			showForm(now, box); // a profile brings others
			box.querySelector("button[type=submit]")?.focus();
			toast(now.pending.length ? `Kept. From the next start on: ${now.pending.map(labelOf).join(", ")}.` : "The settings were kept.");
		} catch (error) {
			said.textContent = error.message;
		}
	});
	box.replaceChildren(form);
}

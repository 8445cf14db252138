// Make the fitting control for a setting: by its name where it is known, else by its type.

import { h, newId } from "./dom.js";
import { field, slider, tick } from "./form.js";
import { percent } from "./format.js";
import { WORDS } from "./words.js";

const PROFILES = {
	desktop: "Desktop: peers may push at any time",
	server: "Server: always on",
	battery: "Battery: fetch now and then",
};

const KNOWN = {
	explore: { label: "Explore", hint: WORDS.explore, kind: "share" },
	profile: { label: "Profile", hint: "How much this node does for others, and how much power it may take.", choices: PROFILES },
	follow_bytes_max: { label: "Budget for other people’s logs, MiB", hint: WORDS.budget, kind: "mib", min: 1 / 16, max: 1 << 20 },
	exploration_share: { label: "Share of the budget for strangers", hint: WORDS.strangers, kind: "share", max: 0.5 },
	batch_delay_s: { label: "Delay before publishing, seconds", hint: "What is public is gathered for so long before it leaves. Longer hides better when you listen.", max: 86_400 },
	listens_public: { label: "What my music players send is public", hint: "Otherwise it counts for your own recommendations and never leaves this device." },
	publish_trust: { label: "Publish my trust in peers", hint: "Others see whom you trust and can find them. Blocks and mutes never leave this device." },
};

const MIB = 1 << 20;

/** Return what a setting is called. @type {(key: string) => string} */
export const labelOf = (key) => KNOWN[key]?.label ?? key.replaceAll("_", " ");

/** Return a control for a setting; null where there is none for it.
 * @type {(key: string, value: unknown) => Control | null} */
export function control(key, value) {
	const known = KNOWN[key] ?? { label: labelOf(key), hint: "" };
	if (known.choices && typeof value === "string") return choice(key, value, known);
	if (typeof value === "boolean") {
		const { box, input } = tick(known.label, { checked: value, name: key });
		const whole = h("div", { class: "field" }, box, known.hint && h("p", { class: "hint" }, known.hint));
		return { key, box: whole, value: () => input.checked, before: value };
	}
	if (typeof value === "number" && known.kind === "share") {
		const { box, input } = slider({ label: known.label, hint: known.hint, value, max: known.max ?? 1, write: percent });
		return { key, box, value: () => input.valueAsNumber, before: input.valueAsNumber };
	}
	if (typeof value === "number") return amount(key, value, known);
	return null;
}

/** Show that a value is set elsewhere. @type {(control: Control, where: string) => void} */
export function fix(control, where) {
	for (const input of control.box.querySelectorAll("input, select")) input.disabled = true;
	control.box.append(h("p", { class: "hint" }, `Set by ${where}.`));
}

function amount(key, value, known) {
	const unit = known.kind === "mib" ? MIB : 1;
	const { box, input } = field({
		label: known.label, hint: known.hint, name: key, type: "number", min: known.min ?? 0, max: known.max, step: "any", value: value / unit,
	});
	const now = () => (unit === 1 ? input.valueAsNumber : Math.round(input.valueAsNumber * unit));
	return { key, box, value: now, before: value };
}

function choice(key, value, { label, hint, choices }) {
	const id = newId("choice");
	const select = h("select", { id, name: key, "aria-describedby": `${id}-hint` },
		Object.entries(choices).map(([each, text]) => h("option", { value: each, selected: each === value }, text)));
	const box = h("div", { class: "field" }, h("label", { for: id }, label), select, h("p", { class: "hint", id: `${id}-hint` }, hint));
	return { key, box, value: () => select.value, before: value };
}

// Make labelled inputs, and buttons that show when they are at work.

import { h, newId } from "./dom.js";

/** Return a labelled input. @type {(options: FieldOptions) => Field} */
export function field({ label, hint, ...attributes }) {
	const id = newId("field");
	const said = h("p", { id: `${id}-error`, class: "complaint", "aria-live": "polite" });
	const input = h("input", {
		id, type: "text", spellcheck: "false", autocapitalize: "off",
		"aria-describedby": hint ? `${id}-hint ${id}-error` : `${id}-error`, ...attributes,
	});
	const box = h("div", { class: "field" }, h("label", { for: id }, label), input,
		hint && h("p", { id: `${id}-hint`, class: "hint" }, hint), said);
	const complain = (text) => {
		said.textContent = text;
		if (text) input.setAttribute("aria-invalid", "true");
		else input.removeAttribute("aria-invalid");
		if (text) input.focus();
	};
	return { box, input, complain };
}

/** Return a labelled tick box.
 * @type {(label: string, attributes: Record<string, any>) => {box: HTMLElement, input: HTMLInputElement}} */
export function tick(label, attributes) {
	const input = h("input", { type: "checkbox", ...attributes });
	return { box: h("label", { class: "tick" }, input, h("span", {}, label)), input };
}

/** Return a slider that shows its value in words.
 * @type {(options: SliderOptions) => {box: HTMLElement, input: HTMLInputElement, show: (value: number) => void}} */
export function slider({ label, hint, value, min = 0, max = 1, step = 0.05, write }) {
	const id = newId("slider");
	const output = h("output", { for: id, title: hint });
	const input = h("input", { id, type: "range", min, max, step, value, title: hint, "aria-describedby": `${id}-hint` });
	const told = () => {
		output.textContent = write(input.valueAsNumber);
		input.setAttribute("aria-valuetext", write(input.valueAsNumber));
	};
	input.addEventListener("input", told);
	told();
	const box = h("div", { class: "field slider" }, h("label", { for: id }, label), output, input,
		h("p", { class: "hint", id: `${id}-hint` }, hint));
	const show = (to) => {
		input.value = `${to}`;
		told();
	};
	return { box, input, show };
}

/** Do something while a button says so and cannot be pressed twice.
 * @template T @param {HTMLButtonElement} button @param {() => Promise<T>} deed @returns {Promise<T>} */
export async function busy(button, deed) {
	// Not "disabled", which would throw the keyboard's focus away.
	button.setAttribute("aria-disabled", "true");
	button.setAttribute("aria-busy", "true");
	try {
		return await deed();
	} finally {
		button.removeAttribute("aria-disabled");
		button.removeAttribute("aria-busy");
	}
}

/** Return a button that does something once at a time.
 * @type {(label: Child, deed: () => Promise<unknown>, attributes?: Record<string, any>) => HTMLButtonElement} */
export function action(label, deed, attributes = {}) {
	const button = h("button", { type: "button", ...attributes }, label);
	button.addEventListener("click", () => {
		if (!button.hasAttribute("aria-busy")) void busy(button, deed);
	});
	return button;
}

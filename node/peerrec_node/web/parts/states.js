// Say how it stands where there is no data to show: loading, empty, failed.

import { h } from "./dom.js";
import { icon } from "./icons.js";

/** Return a place holder of about the size of what is coming.
 * @type {(what: string) => HTMLElement} */
export function loading(what) {
	const bars = Array.from({ length: 4 }, () => h("div", { class: "bar", "aria-hidden": "true" }));
	return h("div", { class: "loading", role: "status" }, h("p", { class: "hidden" }, `Loading ${what}…`), bars);
}

/** Return what is said where there is nothing yet, and what to do about it.
 * @type {(title: string, advice: string, ...more: Node[]) => HTMLElement} */
export function empty(title, advice, ...more) {
	return h("div", { class: "empty" }, icon("info"),
		h("p", { class: "strong" }, title), h("p", {}, advice), ...more);
}

/** Return what an error is to a person, with a way to try again.
 * @type {(error: any, again: () => void, level?: "h1" | "h2" | "h3") => HTMLElement} */
export function failure(error, again, level = "h2") {
	return h("div", { class: "empty failed", role: "alert" }, icon("warn"),
		h(level, {}, titleOf(error)), h("p", {}, adviceOf(error)),
		h("button", { type: "button", onclick: again }, "Try again"));
}

const TITLES = {
	gone: "The daemon does not answer",
	refused: "The daemon refused this",
	missing: "This daemon cannot show that",
};

const titleOf = ({ kind }) => TITLES[kind] ?? "Something went wrong";

const adviceOf = ({ kind, message }) => (kind !== "gone" ? message
	: "It may have stopped, or this device may have slept. Start it with “peerrec run”; this page comes back by itself.");

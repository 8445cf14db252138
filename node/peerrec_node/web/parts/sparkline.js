// Draw a small curve of the last measurements.

import { h, s } from "./dom.js";

const WIDTH = 240;
const HEIGHT = 48;

/** Return the points of a curve, newest at the right edge.
 * @type {(values: number[], room: number, top: number) => string} */
export function pointsOf(values, room, top) {
	const step = WIDTH / Math.max(room - 1, 1);
	const first = WIDTH - step * (values.length - 1);
	return values.map((value, at) => {
		const y = HEIGHT - 2 - (Math.min(value, top) / (top || 1)) * (HEIGHT - 4);
		return `${(first + at * step).toFixed(1)},${y.toFixed(1)}`;
	}).join(" ");
}

/** Return a curve that can be changed.
 * @type {(options: {label: string, room: number, small?: boolean, write: (value: number) => string}) => Sparkline} */
export function sparkline({ label, room, small = false, write }) {
	const area = s("polygon", { class: "area" });
	const line = s("polyline", { class: "line" });
	const title = s("title", {}, label);
	const picture = s("svg", {
		viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label,
	}, title, area, line);
	const peak = h("span", { class: "peak", title: "Highest value in sight; the curve's upper edge" });
	const box = h("div", { class: small ? "spark small" : "spark" }, picture, !small && peak);
	const show = (values) => {
		const top = Math.max(...values, 0);
		const points = pointsOf(values, room, top || 1);
		line.setAttribute("points", points);
		const from = points.split(",")[0] || `${WIDTH}`;
		area.setAttribute("points", points ? `${from},${HEIGHT} ${points} ${WIDTH},${HEIGHT}` : "");
		peak.textContent = `peak ${write(top)}`;
		const said = `${label}: now ${write(values.at(-1) ?? 0)}, at most ${write(top)}`;
		picture.setAttribute("aria-label", said);
		title.textContent = said;
	};
	show([]);
	return { box, show };
}

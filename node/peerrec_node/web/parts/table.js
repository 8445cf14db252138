// Show rows in a table that becomes a list of cards where the screen is narrow.

import { h, keyed, newId } from "./dom.js";

/** Rows that are shown at first, and more at each wish. */
const PAGE = 25;

/** Return a table whose rows can be changed while it is read.
 * @template R @param {TableOptions<R>} options @returns {Table<R>} */
export function table({ caption, columns, key, state = JSON.stringify }) {
	const body = h("tbody", { role: "rowgroup" });
	const legend = columns.filter((column) => column.why);
	const captionId = newId("caption");
	const box = h("div", { class: "table" },
		h("table", { role: "table", "aria-labelledby": captionId },
			h("caption", { id: captionId, class: "hidden" }, caption),
			h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map((column) =>
				h("th", { scope: "col", role: "columnheader", class: column.number ? "right" : null, title: column.why },
					column.label)))),
			body),
		legend.length > 0 && h("dl", { class: "why legend" },
			legend.map((column) => [h("dt", {}, column.label), h("dd", {}, column.why)])));
	const more = h("button", { type: "button", class: "quiet wide" });
	let room = PAGE;
	let all = [];
	more.addEventListener("click", () => {
		room += 2 * PAGE;
		show(all);
	});
	box.append(more);

	const cellOf = (row, column, at) =>
		h(at === 0 ? "th" : "td", {
			role: at === 0 ? "rowheader" : "cell", scope: at === 0 ? "row" : null,
			class: column.number ? "right" : null, "data-label": column.label, title: column.why,
		}, column.cell(row));

	/** Fill a row; who had the focus in it has it still. */
	const refill = (line, row) => {
		const controls = () => [...line.querySelectorAll("button, input, select, a")];
		const at = controls().indexOf(document.activeElement);
		line.replaceChildren(...columns.map((column, where) => cellOf(row, column, where)));
		if (at >= 0) controls()[at]?.focus();
	};

	function show(rows) {
		all = rows;
		more.hidden = rows.length <= room;
		more.textContent = `Show more, ${rows.length - room} are left`;
		keyed(body, rows.slice(0, room), key, (row, old) => {
			const line = old ?? h("tr", { role: "row" });
			const now = state(row) ?? "";
			if (line.getAttribute("data-state") !== now) {
				line.setAttribute("data-state", now);
				refill(line, row);
			}
			return line;
		});
	}
	return { box, show };
}

// Build elements. Text only ever becomes text nodes, so no data can become markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
	for (const [name, value] of Object.entries(attributes)) {
		if (value === null || value === undefined || value === false) continue;
		if (typeof value === "function") element.addEventListener(name.slice(2), value);
		else element.setAttribute(name, value === true ? "" : `${value}`);
	}
	add(element, children);
}

function add(element, child) {
	if (Array.isArray(child)) for (const each of child) add(element, each);
	else if (child instanceof Node) element.append(child);
	else if (child !== null && child !== undefined && child !== false) element.append(`${child}`);
}

/** Return an HTML element; functions among the attributes ("onclick") listen, null and false
 * are left out.
 * @template {keyof HTMLElementTagNameMap} T @param {T} tag @param {Record<string, any>} [attributes]
 * @param {...Child} children @returns {HTMLElementTagNameMap[T]} */
export function h(tag, attributes = {}, ...children) {
	const element = document.createElement(tag);
	fill(element, attributes, children);
	return element;
}

/** Return an SVG element. @type {(tag: string, attributes?: Record<string, any>, ...children: Child[]) => any} */
export function s(tag, attributes = {}, ...children) {
	const element = document.createElementNS(SVG, tag);
	fill(element, attributes, children);
	return element;
}

let last = 0;

/** Return an id that no other element has. @type {(stem: string) => string} */
export function newId(stem) {
	last += 1;
	return `${stem}-${last}`;
}

/** Make the children of a parent those of some rows, keeping elements (and the focus in them)
 * of rows that stay. `make` may return the old element, changed.
 * @template R @param {Element} parent @param {R[]} rows @param {(row: R) => string} key
 * @param {(row: R, old: Element | null) => Element} make */
export function keyed(parent, rows, key, make) {
	const old = new Map([...parent.children].map((child) => [child.getAttribute("data-key"), child]));
	let before = null;
	for (const row of rows) {
		const name = key(row);
		const had = old.get(name) ?? null;
		const child = make(row, had);
		child.setAttribute("data-key", name);
		if (had && had !== child) had.remove();
		old.delete(name);
		const place = before ? before.nextElementSibling : parent.firstElementChild;
		// Moving an element takes the focus from it: only who is out of place moves.
		if (place !== child) parent.insertBefore(child, place);
		before = child;
	}
	for (const gone of old.values()) gone.remove();
}

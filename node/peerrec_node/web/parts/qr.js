// Show the QR image that the daemon drew, without trusting it to be only an image.

import { h, s } from "./dom.js";

const SHAPE = /<(path|rect)\b([^>]*)>/g;
const ATTRIBUTE = /\b(d|x|y|width|height|fill|stroke|stroke-width|transform)\s*=\s*["']([^"'<>]*)["']/g;

/** Return a picture of an SVG's plain shapes alone, on white, as cameras want it; or null.
 * @type {(text: string) => HTMLElement | null} */
export function qrImage(text) {
	const box = /viewBox\s*=\s*["']([-\d. ]+)["']/.exec(text)?.[1];
	const shapes = [...text.matchAll(SHAPE)].map(([, tag, inside]) => {
		const attributes = Object.fromEntries([...inside.matchAll(ATTRIBUTE)].map(([, name, value]) => [name, value]));
		return s(tag, attributes);
	});
	if (!box || shapes.length === 0) return null;
	return h("div", { class: "qr" },
		s("svg", { viewBox: box, role: "img", "aria-label": "QR code of the invite link", "shape-rendering": "crispEdges" },
			...shapes));
}

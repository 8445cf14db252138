// Draw icons: strokes on a field of 24 by 24, in the colour of the text beside them.

import { s } from "./dom.js";

const PATHS = {
	star: "m12 4 2.4 5 5.6.8-4 3.9.9 5.5-4.9-2.6-4.9 2.6.9-5.5-4-3.9 5.6-.8z",
	map: "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM4 5h2v2H4zM18 4h2v2h-2zM5 18h2v2H5zM18 17h2v2h-2zM7 7l3 3M17 6l-3 4M7 17l3-3M17 17l-3-3",
	link: "M9 15l6-6M10 7l2-2a4 4 0 0 1 6 6l-2 2M14 17l-2 2a4 4 0 0 1-6-6l2-2",
	disk: "M4 6c0-3 16-3 16 0s-16 3-16 0v12c0 3 16 3 16 0V6M4 12c0 3 16 3 16 0",
	wave: "M3 12h4l3-8 4 16 3-8h4",
	heart: "M12 20S4 15 4 9a4 4 0 0 1 8-1 4 4 0 0 1 8 1c0 6-8 11-8 11z",
	pair: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 18h2v2h-2zM18 14h2M14 18v2",
	sliders: "M5 4v7M5 15v5M12 4v3M12 11v9M19 4v10M19 18v2M3 13h4M10 9h4M17 16h4",
	more: "M7 20H4v-9h3zM7 12l4-8c2 0 3 1 2.5 3l-.8 3H18a2 2 0 0 1 2 2.5l-1.5 6A2 2 0 0 1 16.5 20H7",
	less: "M7 4H4v9h3zM7 12l4 8c2 0 3-1 2.5-3l-.8-3H18a2 2 0 0 0 2-2.5l-1.5-6A2 2 0 0 0 16.5 4H7",
	mute: "M4 9h4l5-4v14l-5-4H4zM16 9l5 6M21 9l-5 6",
	copy: "M9 9h11v11H9zM5 15H4V4h11v1",
	good: "m5 12 5 5 9-10",
	warn: "M12 4 2.5 20h19zM12 10v4M12 17v.5",
	bad: "M6 6l12 12M18 6 6 18",
	info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v6M12 7v.5",
	person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4 20c0-7 16-7 16 0",
};

/** Return an icon, which says nothing to who cannot see it. @type {(name: string) => SVGSVGElement} */
export function icon(name) {
	const path = PATHS[name] ?? PATHS.info;
	return s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" },
		s("path", { d: path }));
}

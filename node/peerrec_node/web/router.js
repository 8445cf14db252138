// Show the view that the address names after its #; views are loaded when first shown.

import { failure, loading } from "./parts/states.js";

/** @type {Route[]} */
export const routes = [
	{ path: "recommendations", label: "Recommendations", icon: "star", load: () => import("./views/recommendations.js") },
	{ path: "trust", label: "Trust map", icon: "map", load: () => import("./views/trust.js") },
	{ path: "peers", label: "Peers and links", icon: "link", load: () => import("./views/peers.js") },
	{ path: "storage", label: "Logs and storage", icon: "disk", load: () => import("./views/storage.js") },
	{ path: "traffic", label: "Live traffic", icon: "wave", load: () => import("./views/traffic.js") },
	{ path: "health", label: "Network health", icon: "heart", load: () => import("./views/health.js") },
	{ path: "pairing", label: "Pairing", icon: "pair", load: () => import("./views/pairing.js") },
	{ path: "settings", label: "Settings", icon: "sliders", load: () => import("./views/settings.js") },
];

/** Return the route that an address names; the first where it names none. @type {(hash: string) => Route} */
export function routeOf(hash) {
	const path = hash.replace(/^#\/?/, "").split("?")[0];
	return routes.find((route) => route.path === path) ?? routes[0];
}

/** Show views as the address changes; return how to show the present one anew or to leave it.
 * @type {(main: HTMLElement, shown: (route: Route) => void) => {show: () => Promise<void>, leave: () => void}} */
export function startRouter(main, shown) {
	let end = () => {};
	let first = true;
	let turn = 0;

	function leave() {
		turn += 1;
		end();
		end = () => {};
	}

	async function show() {
		const route = routeOf(location.hash);
		leave();
		const mine = turn;
		shown(route);
		const slow = setTimeout(() => { if (mine === turn) main.replaceChildren(loading(route.label)); }, 150);
		try {
			const view = await route.load();
			if (mine !== turn) return;
			main.replaceChildren();
			end = view.mount(main);
			document.title = `${view.heading} – peerrec`;
		} catch (error) {
			// A module that does not load: whoever serves it is gone.
			if (mine === turn) main.replaceChildren(failure({ kind: "gone" }, () => location.reload(), "h1"));
			if (mine === turn) console.error(error);
		} finally {
			clearTimeout(slow);
		}
		// The reader's place moves to the new view, but not when the page has just been opened.
		if (!first) {
			main.focus({ preventScroll: true });
			scrollTo(0, 0);
		}
		first = false;
	}

	addEventListener("hashchange", () => {
		if (!location.hash.startsWith("#token=") && location.hash !== "#main") void show();
	});
	return { show, leave };
}

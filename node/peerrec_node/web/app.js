// Begin: identify, build the frame around the views, and say how the daemon stands.

import { ApiError, answers, get } from "./api.js";
import { connect, disconnect, on } from "./events.js";
import { h } from "./parts/dom.js";
import { duration, short } from "./parts/format.js";
import { icon } from "./parts/icons.js";
import { copyButton } from "./parts/peer.js";
import { toast } from "./parts/toast.js";
import { WORDS } from "./parts/words.js";
import { routes, startRouter } from "./router.js";
import { askToken, takeToken } from "./session.js";

const STATUS_MS = 15_000;

const part = (id) => /** @type {any} */ (document.getElementById(id));

const main = part("main");
const router = startRouter(main, (route) => {
	for (const link of part("nav").querySelectorAll("a")) {
		if (link.hash === `#/${route.path}`) link.setAttribute("aria-current", "page");
		else link.removeAttribute("aria-current");
	}
	openMenu(false);
});

/** Remember a choice; without storage it holds for this visit. */
function remember(key, value) {
	try {
		localStorage.setItem(key, value);
	} catch {
		// Storage may be switched off.
	}
}

function openMenu(open) {
	part("menu").setAttribute("aria-expanded", `${open}`);
	part("nav").classList.toggle("open", open);
}

/** Build the navigation and the switches in the head. */
function buildFrame() {
	part("nav").append(h("ul", {}, routes.map((route) =>
		h("li", {}, h("a", { href: `#/${route.path}` }, icon(route.icon), route.label)))));
	part("menu").addEventListener("click", () => openMenu(part("menu").getAttribute("aria-expanded") !== "true"));
	part("nav").addEventListener("click", () => openMenu(false)); // also where the view stays the same
	addEventListener("keydown", (event) => {
		if (event.key !== "Escape" || !part("nav").classList.contains("open")) return;
		openMenu(false);
		part("menu").focus();
	});
	part("skip").addEventListener("click", (event) => {
		event.preventDefault(); // the address after # belongs to the views
		main.focus();
	});
	const root = document.documentElement;
	const theme = part("theme");
	theme.value = root.dataset.theme ?? "auto";
	theme.addEventListener("change", () => {
		if (theme.value === "auto") delete root.dataset.theme;
		else root.dataset.theme = theme.value;
		remember("peerrec.theme", theme.value);
	});
	const explain = part("explain");
	const pressed = (yes) => explain.setAttribute("aria-pressed", `${yes}`);
	pressed("explain" in root.dataset);
	explain.addEventListener("click", () => {
		const yes = root.toggleAttribute("data-explain");
		pressed(yes);
		remember("peerrec.explain", yes ? "1" : "0");
	});
}

function pulse(mood, text) {
	part("pulse").className = `pulse ${mood}`;
	if (part("pulse-text").textContent !== text) part("pulse-text").textContent = text;
}

const asking = () => main.querySelector(".identify");

/** Ask who this is; the views come back when the daemon knows. */
function identify(why) {
	if (asking()) return;
	router.leave();
	disconnect();
	pulse("bad", "Not identified");
	main.replaceChildren(askToken(why, begin));
	document.title = "Identify yourself – peerrec";
}

function showStatus(status) {
	const { links } = status;
	pulse(links > 0 ? "good" : "warn", links > 0 ? `Connected, ${links} ${links === 1 ? "link" : "links"}` : "Running, no links");
	part("pulse").title = WORDS.links;
	part("foot").replaceChildren(
		h("span", { class: "peer", title: `Whole id: ${status.peer}` }, `You are ${short(status.peer)}`, copyButton(status.peer, "id of this node")),
		h("span", {}, `network ${status.network}`), h("span", { title: "Version of the daemon" }, `peerrec ${status.version}`),
		h("span", { title: WORDS.uptime }, `running for ${duration(status.uptime_s)}`));
}

/** Load how the daemon stands; failures are told by `heed`. */
async function lookAtStatus() {
	if (document.hidden || asking()) return;
	try {
		showStatus(await get("/status"));
	} catch (error) {
		if (!(error instanceof ApiError)) throw error;
	}
}

/** Say in the head of the page how each request went. */
function heed(error) {
	const gone = error?.kind === "gone";
	document.documentElement.toggleAttribute("data-gone", gone);
	if (gone) pulse("bad", "The daemon does not answer");
	else if (error?.kind === "session") identify("This browser is not known to the daemon, or the session has ended.");
}

/** Show the views. */
function begin() {
	main.replaceChildren();
	void router.show();
	connect();
	void lookAtStatus();
}

async function start() {
	buildFrame();
	answers.addEventListener("answer", (event) => heed(event["detail"]));
	on("status", () => void lookAtStatus());
	on("link", () => void lookAtStatus());
	on("line", (open) => {
		// Browsers remember modules that did not load until the page is loaded anew.
		if (open && main.querySelector(".failed > h1")) location.reload();
		void lookAtStatus();
	});
	on("notice", (data) => { if (data?.text) toast(data.text, { bad: data.level === "error" }); });
	setInterval(() => void lookAtStatus(), STATUS_MS);
	addEventListener("hashchange", () => { if (location.hash.startsWith("#token=")) void enter(); });
	await enter();
}

/** Take the token that the address may hold, then show the views. */
async function enter() {
	try {
		await takeToken();
	} catch (error) {
		// A used token is no harm where the cookie is still good: the next request tells.
		if (error.kind === "gone") toast(error.message, { bad: true });
	}
	begin();
}

void start();

// Hear from the daemon: one stream of server-sent events, shared by all views.

const KINDS = ["status", "recommendations", "link", "sync", "traffic", "notice"];
const AGAIN_MS = [1_000, 2_000, 5_000, 10_000];

const heard = new EventTarget();
let stream = null;
let failures = 0;
let timer;

function tell(kind, data) {
	heard.dispatchEvent(new CustomEvent(kind, { detail: data }));
}

function take(event) {
	try {
		tell(event.type, JSON.parse(event.data));
	} catch {
		tell(event.type, null); // still a hint that something changed
	}
}

/** Open the stream, unless it is open; broken ones are opened again, ever more slowly. */
export function connect() {
	if (stream || document.hidden) return;
	clearTimeout(timer);
	const line = new EventSource("/api/v1/events");
	stream = line;
	line.onopen = () => {
		failures = 0;
		tell("line", true);
	};
	line.onerror = () => {
		line.close();
		if (stream !== line) return;
		stream = null;
		tell("line", false);
		timer = setTimeout(connect, AGAIN_MS[Math.min(failures, AGAIN_MS.length - 1)]);
		failures += 1;
	};
	for (const kind of KINDS) line.addEventListener(kind, take);
}

/** Close the stream: a page nobody looks at shall cost nothing. */
export function disconnect() {
	clearTimeout(timer);
	stream?.close();
	stream = null;
}

document.addEventListener("visibilitychange", () => {
	if (document.hidden) disconnect();
	else connect();
});

/** Call a function at each event of a kind; return how to end that.
 * @type {(kind: EventKind, listener: (data: any) => void) => () => void} */
export function on(kind, listener) {
	const handler = (event) => {
		listener(event["detail"]);
	};
	heard.addEventListener(kind, handler);
	return () => heard.removeEventListener(kind, handler);
}

// Ask the daemon: one function per HTTP method, and errors that say what a person can do.

const BASE = "/api/v1";
const TIMEOUT_MS = 20_000;

/** A request that failed; `message` is a sentence for people. */
export class ApiError extends Error {
	/**
   * @param {Failure} kind
   * @param {string} message
   * @param {number} [status] HTTP status; 0 where there was no answer
   */
	constructor(kind, message, status = 0) {
		super(message);
		this.name = "ApiError";
		this.kind = kind;
		this.status = status;
	}
}

/** Tells of every answer: `detail` is an ApiError or null. */
export const answers = new EventTarget();

function tell(error) {
	answers.dispatchEvent(new CustomEvent("answer", { detail: error }));
}

function kindOf(status) {
	if (status === 401) return "session";
	if (status === 403) return "refused";
	return status === 404 || status === 501 ? "missing" : "other";
}

/** Make an error of an answer; its problem document (RFC 9457) says what happened. */
async function problem(response) {
	let said = {};
	try {
		said = await response.json();
	} catch {
		// Not from the API itself, a proxy for example: the status has to do.
	}
	const text = said.detail || said.title || `The daemon answered ${response.status}.`;
	return new ApiError(kindOf(response.status), text, response.status);
}

async function request(method, path, body) {
	const headers = new Headers({ Accept: "application/json", "X-Peerrec": "1" });
	if (body !== undefined) headers.set("Content-Type", "application/json");
	let response;
	try {
		response = await fetch(path, {
			method,
			headers,
			body: body === undefined ? undefined : JSON.stringify(body),
			credentials: "same-origin",
			cache: "no-store",
			signal: AbortSignal.timeout(TIMEOUT_MS),
		});
	} catch {
		const error = new ApiError("gone", "The daemon does not answer. Is it still running?");
		tell(error);
		throw error;
	}
	if (!response.ok) {
		const error = await problem(response);
		tell(error);
		throw error;
	}
	tell(null);
	if (response.status === 204) return null;
	try {
		return await response.json();
	} catch {
		throw new ApiError("other", "The daemon's answer could not be read.", response.status);
	}
}

/** Return a resource. @type {(path: string, query?: Record<string, string | number>) => Promise<any>} */
export function get(path, query = {}) {
	const words = new URLSearchParams(Object.entries(query).map(([key, value]) => [key, `${value}`]));
	return request("GET", `${BASE}${path}${words.size ? `?${words}` : ""}`);
}

/** Send a document; return what the daemon answers. @type {(path: string, body: unknown) => Promise<any>} */
export const post = (path, body) => request("POST", BASE + path, body);

/** Change some fields of a resource. @type {(path: string, body: unknown) => Promise<any>} */
export const patch = (path, body) => request("PATCH", BASE + path, body);

/** Put a document where it belongs. @type {(path: string, body: unknown) => Promise<any>} */
export const put = (path, body) => request("PUT", BASE + path, body);

/** Take a resource away. @type {(path: string) => Promise<any>} */
export const remove = (path) => request("DELETE", BASE + path);

/** Return whether the daemon calls itself ready, and what it says.
 * @type {() => Promise<{ready: boolean, said: string}>} */
export async function readiness() {
	try {
		await request("GET", "/health/ready");
		return { ready: true, said: "" };
	} catch (error) {
		if (error.kind === "gone") throw error;
		return { ready: false, said: error.message };
	}
}

// Write numbers and times as people read them.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];
const whole = new Intl.NumberFormat("en");

/** @type {(value: Numeric) => value is number} */
export function known(value) {
	return typeof value === "number" && Number.isFinite(value);
}

/** Return a count with thousands separated. @type {(n: Numeric) => string} */
export const count = (n) => (known(n) ? whole.format(Math.round(n)) : "–");

/** Return bytes in the largest fitting unit. @type {(n: Numeric) => string} */
export function bytes(n) {
	if (!known(n)) return "–";
	let size = n;
	let unit = 0;
	while (Math.abs(size) >= 1024 && unit < UNITS.length - 1) {
		size /= 1024;
		unit += 1;
	}
	return `${unit && size < 100 ? size.toFixed(1) : Math.round(size)} ${UNITS[unit]}`;
}

/** Return bytes a second. @type {(n: Numeric) => string} */
export const rate = (n) => (known(n) ? `${bytes(n)}/s` : "–");

/** Return a share as per cent. @type {(share: Numeric) => string} */
export function percent(share) {
	if (!known(share)) return "–";
	const hundredths = share * 100;
	if (hundredths > 0 && hundredths < 0.1) return "< 0.1 %";
	return `${hundredths < 10 && hundredths % 1 ? hundredths.toFixed(1) : Math.round(hundredths)} %`;
}

/** Return a number of three digits. @type {(n: Numeric) => string} */
export function decimal(n) {
	if (!known(n)) return "–";
	if (n === 0) return "0";
	const size = Math.abs(n);
	if (size < 0.001) return n.toExponential(1);
	return n.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

/** Return a length of time. @type {(seconds: Numeric) => string} */
export function duration(seconds) {
	if (!known(seconds)) return "–";
	if (seconds < 1) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
	if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
	if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
	if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
	return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

/** Return how long ago a unix time was. @type {(time: Numeric) => string} */
export function ago(time) {
	if (!known(time)) return "–";
	const seconds = Date.now() / 1000 - time;
	return seconds < 5 ? "just now" : `${duration(seconds)} ago`;
}

/** Return a unix time as date and time. @type {(time: Numeric) => string} */
export const moment = (time) => (known(time) ? new Date(time * 1000).toLocaleString() : "");

/** Return a peer's id as it is told apart at a glance. @type {(peer: string) => string} */
export const short = (peer) => (peer.length > 14 ? `${peer.slice(0, 6)}…${peer.slice(-4)}` : peer);

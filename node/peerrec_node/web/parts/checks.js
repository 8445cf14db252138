// Judge how a node stands: each check says what is so, and what would help.

import { count, percent } from "./format.js";

const LINKS_GOOD = 3;
const SYBIL = 0.6;
const SYBILS_WARN = 0.2;
const ADDRESSES_GOOD = 8;

/** @type {(yes: unknown) => Mood} */
const good = (yes) => (yes ? "good" : "warn");

/** @type {(n: number, one: string, many: string) => string} */
const some = (n, one, many) => `${count(n)} ${n === 1 ? one : many}`;

/** Return what is well and what is not, the same checks in the same order each time.
 * @type {(facts: Facts) => Check[]} */
export function checks({ status, links, nodes, ready }) {
	return [
		{
			mood: ready.ready ? "good" : "bad", title: "The daemon is ready",
			text: ready.ready ? "It answers and its store is open." : ready.said,
			why: "The daemon itself says whether it can take part.",
		},
		linked(links.length),
		reachable(status.address),
		{
			mood: good(status.known_addresses >= ADDRESSES_GOOD), title: "Ways back into the network",
			text: `${some(status.known_addresses, "address is", "addresses are")} known; links bring more.`,
			why: "If all present links end, the node calls addresses that it knows.",
		},
		inStep(links),
		{
			mood: good(!status.forks), title: "No two-tongued authors",
			text: status.forks ? `${some(status.forks, "log has", "logs have")} forked: who signs two histories is not believed.` : "No log has forked.",
			why: "Who tells different peers different things is caught by comparing logs.",
		},
		honest(nodes.slice(1)),
		{
			mood: good(status.followed > 0), title: "Somebody to learn from",
			text: status.followed > 0 ? `${some(status.followed, "author is", "authors are")} followed.`
				: "Nobody is followed. State trust in somebody, and recommendations can come from there.",
			why: "Recommendations come from the logs of people with merit.",
		},
	];
}

/** Return whether an address leads to this device only from itself. @type {(address: string) => boolean} */
export const isLocal = (address) => /^(127\.|\[::1\]|localhost)/.test(address);

/** @type {(address: string | null) => Check} */
function reachable(address) {
	return {
		mood: good(address && !isLocal(address)), title: "Others can reach you",
		text: !address ? "Nobody can call this node, though it can call others. If a router is in between, start it with --public."
			: isLocal(address) ? `At ${address}, from this device alone. Start it with --listen 0.0.0.0:7700.` : `At ${address}.`,
		why: "A network in which nobody can be called falls apart.",
	};
}

/** @type {(n: number) => Check} */
function linked(n) {
	const mood = n >= LINKS_GOOD ? "good" : n > 0 ? "warn" : "bad";
	const advice = n >= LINKS_GOOD ? "" : n > 0 ? "More make it harder to cut you off." : "Paste an invite under “Pairing”.";
	return {
		mood, title: "Linked to the network", text: `${some(n, "link is", "links are")} open. ${advice}`,
		why: "With few links, few peers decide what this node gets to hear.",
	};
}

/** @type {(links: PeerLink[]) => Check} */
function inStep(links) {
	const ended = links.filter((link) => link.last_sync && !(link.last_sync.retry_s > 0));
	const share = ended.length ? ended.filter((link) => link.last_sync.converged).length / ended.length : 1;
	return {
		mood: share >= 0.8 ? "good" : share >= 0.5 ? "warn" : "bad", title: "In step with peers",
		text: ended.length ? `${percent(share)} of the last comparisons with each linked peer ended in step.` : "No comparison has ended yet.",
		why: "After a comparison both sides should hold the same; otherwise something is lost on the way.",
	};
}

/** @type {(peers: TrustNode[]) => Check} */
function honest(peers) {
	const sybils = peers.filter((node) => node.suspicion >= SYBIL && !node.blocked).length;
	const share = peers.length ? sybils / peers.length : 0;
	const merit = peers.reduce((sum, node) => sum + Math.max(0, node.merit), 0);
	const taken = peers.filter((node) => node.suspicion >= SYBIL).reduce((sum, node) => sum + Math.max(0, node.merit), 0);
	return {
		mood: share > SYBILS_WARN ? "warn" : "good", title: "Invented identities",
		text: `${count(sybils)} of ${count(peers.length)} peers look invented; they have ${percent(merit ? taken / merit : 0)} of all merit.`
			+ `${share > SYBILS_WARN ? " See the trust map for who lets them in." : ""}`,
		why: "Many identities of one person get no more merit than that one person, so they may be many without harm.",
	};
}

// Explain every number of the dashboard, in one place and in the same words everywhere.

export const WORDS = {
	score: "How strongly paths from your own items through people you trust lead here. Only the order counts.",
	explore: "Share of the list that comes from neighbourhoods you seldom visit: 0 % fits best, 100 % surprises most.",
	merit: "How much of your trust reaches this peer, found by random walks along stated trust from you. Identities that only vouch for each other get none.",
	peerScore: "Points for what the peer did on our links: deliveries earn, broken rules cost; half is forgotten each hour. At −100 it is banned for a while.",
	hops: "Shortest number of trust statements from you to this peer. You are 0, whom you trust is 1.",
	suspicion: "How much this peer looks like one of many invented identities: at 100 % all trust in it comes through one peer.",
	latency: "Time between a ping and its answer, the last one measured.",
	linkBytes: "Bytes received and sent on this link, before encryption.",
	up: "How long this link has lasted.",
	lastSync: "How the last comparison of logs ended: “in step” means that both now hold the same.",
	reason: "Why the link ended, as this node noted it.",
	ended: "When the link ended.",
	links: "Peers to which an encrypted connection is open now. About 8 are usual.",
	known: "Addresses of peers that this node could call.",
	followed: "Authors whose logs are kept here because they have merit from your point of view.",
	strangers: "Authors without merit yet, kept so that something new can be found.",
	logs: "Signed histories of authors of which something is held here.",
	segments: "Signed pieces of logs.",
	segmentBytes: "Bytes that all segments take here.",
	forks: "Logs whose author signed two different segments with one number. Such authors are no longer believed.",
	interactions: "Records that somebody used, heard or read something.",
	items: "Different things in these records.",
	storeBytes: "Size of the whole store on the disk.",
	budget: "Most bytes of other people's segments that are kept; beyond it those with the least merit go first.",
	held: "Bytes of other people's segments that are kept now.",
	logBytes: "Bytes of this author's segments held here.",
	seq: "Numbers of the first and the last segment held. A log that begins late was cut by age.",
	epoch: "Which log of the author this is: a number drawn anew whenever it begins one, for example on a new device.",
	rateIn: "Bytes a second that arrive, over the last seconds, all links together.",
	rateOut: "Bytes a second that leave, over the last seconds, all links together.",
	messages: "Messages of this type since the node began: received and sent.",
	typeBytes: "Bytes of this type since the node began: received and sent.",
	trend: "Bytes of this type, received and sent together.",
	uptime: "How long this node has run.",
	exchanges: "Tables of taste averaged with peers since the node began.",
	rows: "Items in the averaged table.",
	weight: "Trust that you state: 1 is full trust, 0 takes it back, below 0 is distrust.",
};

/** What a node notes when a link ends, in words. */
const REASONS = {
	rotation: "Made room: links are changed now and then, so that nobody can surround this node.",
	duplicate: "There was a second link to the same peer; one is enough.",
	asked: "You ended the link.",
	goaway: "The peer ended the link.",
	closed: "The peer closed the connection.",
	silent: "The peer said nothing for too long.",
	broken: "The connection broke.",
	slow: "The peer took messages too slowly.",
	violation: "The peer broke the rules of the protocol.",
	banned: "The peer broke the rules too often and is banned for a while.",
	blocked: "You blocked this peer.",
	refused: "This node refused what the peer sent.",
	shutdown: "This node was switched off.",
	late: "The peer did not answer in time.",
	unreachable: "The address did not answer.",
	"no-peer": "Something else answers at that address.",
};

/** Return in words why a link ended. @type {(reason: string) => string} */
export function reasonText(reason) {
	const why = reason.replace(/^dial-/, "");
	return REASONS[why] ?? `${why.replaceAll("-", " ")}.`;
}

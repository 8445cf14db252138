// Do what a person decides about a peer: trust, block, meet, leave.

import { post, put, remove } from "../api.js";
import { confirmed } from "./confirm.js";
import { short } from "./format.js";
import { attempt } from "./toast.js";

const path = (peer) => encodeURIComponent(peer);

/** State trust; 0 takes it back. @type {(peer: string, weight: number) => Promise<boolean>} */
export const trust = (peer, weight) => attempt(
	() => (weight === 0 ? remove(`/trust/${path(peer)}`) : post("/trust", { peer, weight })),
	weight === 0 ? `You no longer state trust in ${short(peer)}.` : `Your trust in ${short(peer)} is now ${weight}.`);

/** Block a peer, having asked. @type {(peer: string) => Promise<boolean>} */
export async function block(peer) {
	const sure = await confirmed(`Block ${short(peer)}?`,
		"It will have no say in your recommendations, nor will those whom only it leads to. You can take this back.", "Block");
	return sure && attempt(() => post("/block", { peer }), `${short(peer)} is blocked.`);
}

/** Take a block back. @type {(peer: string) => Promise<boolean>} */
export const unblock = (peer) =>
	attempt(() => remove(`/block/${path(peer)}`), `${short(peer)} is no longer blocked.`);

/** Call a peer something, here alone; "" takes it back. @type {(peer: string, label: string) => Promise<boolean>} */
export const callIt = (peer, label) => attempt(() => put(`/peers/${path(peer)}/label`, { label }),
	label ? `You call ${short(peer)} “${label}” now.` : `${short(peer)} has no name of yours any more.`);

/** End the link to a peer. @type {(peer: string) => Promise<boolean>} */
export const disconnect = (peer) =>
	attempt(() => remove(`/peers/${path(peer)}`), `The link to ${short(peer)} ends, and none begins for ten minutes.`);

/** Meet who is behind an invite; rejects where that fails. @type {(invite: string) => Promise<any>} */
export const meet = (invite) => post("/peers", { invite });

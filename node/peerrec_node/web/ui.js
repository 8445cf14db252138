// What every view is built of.

export * from "./parts/dom.js";
export * from "./parts/figure.js";
export * from "./parts/form.js";
export * from "./parts/format.js";
export * from "./parts/icons.js";
export * from "./parts/live.js";
export * from "./parts/page.js";
export * from "./parts/peer.js";
export * from "./parts/states.js";
export * from "./parts/table.js";
export * from "./parts/toast.js";
export * from "./parts/words.js";

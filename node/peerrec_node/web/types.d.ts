// Shapes that the dashboard's modules share. For editors and checkers: no browser loads this.

/** Why a request failed, by what a person can do about it. */
type Failure = "gone" | "session" | "refused" | "missing" | "other";

/** What can be heard; "line" is the stream itself: true when it opened, false when it broke. */
type EventKind = "status" | "recommendations" | "link" | "sync" | "traffic" | "notice" | "line";

/** Fills the page; returns how to end. */
type Mount = (root: HTMLElement) => () => void;

interface View { heading: string; mount: Mount }
interface Route { path: string; label: string; icon: string; load: () => Promise<View> }

type Child = Node | string | number | null | undefined | false | Child[];
type Numeric = number | null | undefined;
type Mood = "good" | "warn" | "bad";

interface Live { refresh: () => Promise<void>; stop: () => void }

interface LiveOptions<T> {
  /** What is loaded, in words. */
  what: string;
  load: () => Promise<T>;
  /** Called with each answer. */
  show: (data: T, box: HTMLElement) => void;
  /** Events after which to load again. */
  kinds?: EventKind[];
  /** And how often without any. */
  everyMs?: number;
}

interface Figure { label: string; value: string; why: string; mood?: Mood }

interface Column<R> {
  label: string;
  /** What the numbers in it mean. */
  why?: string;
  cell: (row: R) => Child;
  /** Aligned to the right. */
  number?: boolean;
}

interface TableOptions<R> {
  caption: string;
  columns: Column<R>[];
  key: (row: R) => string;
  /** A row is made anew only when this changed. */
  state?: (row: R) => string;
}

interface Table<R> { box: HTMLElement; show: (rows: R[]) => void }
interface Sparkline { box: HTMLElement; show: (values: number[]) => void }

interface Field {
  /** Label, input, hint and complaint. */
  box: HTMLElement;
  input: HTMLInputElement;
  /** Says what is wrong; "" takes it back. */
  complain: (text: string) => void;
}

interface FieldOptions extends Record<string, any> { label: string; hint?: string; name: string }

interface SliderOptions {
  label: string;
  hint: string;
  value: number;
  min?: number;
  max?: number;
  step?: number;
  write: (value: number) => string;
}

interface TrustNode {
  peer: string;
  label: string | null;
  /** 0 … 3; 4 where no path leads to it. */
  hops: number;
  merit: number;
  score: number;
  /** 0 … 1. */
  suspicion: number;
  linked: boolean;
  blocked: boolean;
}

interface TrustEdge { from: string; to: string; weight: number }
interface Graph { nodes: TrustNode[]; edges: TrustEdge[] }

/** Where a peer stands on the map; ring 0 is the middle. */
interface Place { node: TrustNode; ring: number; x: number; y: number; angle: number }

type Suspicion = "low" | "some" | "high";
type Steering = "more" | "less" | "mute" | "unmute";
type Steer = (item: Item, how: Steering) => Promise<void>;

interface Reason { kind: string; text: string; item: string | null; peer: string | null }
interface Item { item: string; name: string | null; score: number; reasons: Reason[] }
interface Muted { items: { item: string; name: string | null }[] }
interface Recommended { version: number; items: Item[]; notes: string[]; cached: boolean }

interface Explained {
  score: number;
  rank: number | null;
  reasons: Reason[];
  paths: { peers: string[]; item: string | null; share: number }[];
  notes: string[];
}

interface Sync {
  converged: boolean;
  outstanding: number;
  segments_in: number;
  segments_out: number;
  seconds: number;
  retry_s: number;
}

interface PeerLink {
  peer: string;
  label: string | null;
  dialled: boolean;
  address: string;
  agent: string;
  up_s: number;
  latency_s: number | null;
  merit: number;
  score: number;
  bytes_in: number;
  bytes_out: number;
  last_sync: Sync | null;
}

interface Ended { peer: string; label: string | null; reason: string; at: number }
interface Near { peer: string; address: string; linked: boolean }

interface Log {
  author: string;
  epoch: number;
  segments: number;
  bytes: number;
  first_seq: number;
  last_seq: number;
  followed: boolean;
  /** Whether the author is oneself. */
  own: boolean;
  forked: boolean;
}

interface MessageType {
  type: string;
  messages_in: number;
  messages_out: number;
  bytes_in: number;
  bytes_out: number;
}

interface Traffic { types: MessageType[]; rate: { in_bytes_s: number; out_bytes_s: number } }

interface Check {
  mood: Mood;
  title: string;
  /** What is so, and what to do. */
  text: string;
  /** Why it matters. */
  why: string;
}

interface Facts {
  status: any;
  links: PeerLink[];
  nodes: TrustNode[];
  ready: { ready: boolean; said: string };
}

/** An input for one setting; `before` is the value that the daemon has. */
interface Control { key: string; box: HTMLElement; value: () => unknown; before: unknown }

interface KnownSetting {
  label: string;
  hint: string;
  kind?: "share" | "mib";
  /** In the unit that is shown. */
  min?: number;
  max?: number;
  choices?: Record<string, string>;
}

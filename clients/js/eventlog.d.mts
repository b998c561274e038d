/** One event of the log, exactly as it is on every wire. */
export interface LogEvent {
  /** 24 lower-case hexadecimal digits. */
  _id: string;
  eventType: string;
  sourceAppId: string;
  dataPayload: Record<string, unknown>;
  /** UTC, RFC 3339 with three decimals; never decreases along the chain. */
  timestamp: string;
  /** `currentHash` of the event before; `""` for the first. */
  previousHash: string;
  /** SHA-1 of the RFC 8785 form of the rest, 40 lower-case hexadecimal digits. */
  currentHash: string;
}

/** Milliseconds. */
export interface Timing {
  /** For a connection to open or an HTTP request to be answered. */
  open: number;
  /** Without a message, until a ping is sent. API Gateway closes after 10 idle minutes. */
  idle: number;
  /** For anything to arrive after a ping. */
  pong: number;
  /** A connection is replaced after 90 to 100 % of this. API Gateway closes after 2 hours. */
  age: number;
  /** Open for so long, a connection counts as good, and the pauses begin anew. */
  stable: number;
  /** The pause before the nth attempt is random, between 0 and backoffFrom × 2ⁿ⁻¹, */
  backoffFrom: number;
  /** but at most between 0 and this. */
  backoffTo: number;
  /** Between two looks at a log that has no event yet. */
  empty: number;
}

export const timing: Readonly<Timing>;

/** An event, or as much of it as is known. With `currentHash`, the event after it is checked against it. */
export type Seen = Pick<LogEvent, '_id'> & Partial<Pick<LogEvent, 'currentHash' | 'timestamp'>>;

export interface SubscribeOptions {
  /**
   * The event after which to begin, or its `_id`: usually the last one that was worked on. `""` is the beginning of the
   * log (needs `http`). Without it: now.
   */
  after?: string | Seen;
  /** Only events of this type. With any filter the links of the chain cannot be checked, as most events are not seen. */
  eventType?: string;
  /** Only events of this source. */
  sourceAppId?: string;
  /**
   * Base URL of the HTTP API. With it nothing is missed even before the first event, `after: ""` is possible, and an
   * `after` that the log does not have is an error. The token then needs the scope events:read, too.
   */
  http?: string | URL;
  /** An API key or JWT, or a function that gives one for each attempt (if they expire). */
  token?: string | (() => string | Promise<string>);
  /** Ends the subscription: the loop ends as if there were no more events. */
  signal?: AbortSignal;
  /** Ask for messages of many events. For those who catch up over a slow line. */
  batch?: boolean;
  /** Check each event's own hash (default true). Needs `crypto.subtle`: in browsers https or localhost. */
  verify?: boolean;
  /** So many events (default 1000) wait at most for a slow consumer; then the connection is closed until it has them all. */
  bufferSize?: number;
  /** A connection is open. */
  onopen?: () => void;
  /** An attempt or a connection failed; the next attempt follows after a pause. `failures` in a row so far. */
  onretry?: (reason: string, failures: number) => void;
  /** Where there is no `globalThis.WebSocket`, for example that of the package `ws`. */
  WebSocket?: new (url: string, protocols?: string[]) => unknown;
  timing?: Partial<Timing>;
  /** For tests. */
  timers?: {
    setTimeout?: (run: () => void, ms: number) => unknown;
    clearTimeout?: (timer: any) => void;
    /** At least 0, less than 1. */
    random?: () => number;
  };
}

/**
 * The events of the log, live, each once and in chain order. Connects at the first `next()`; goes on until it is left
 * (`break`, `return()`), the signal aborts, or an error is final: `ChainError`, `TypeError`, or `Error` where `after`
 * is not in the log. Throws a `TypeError` for wrong options.
 */
export function subscribe(url: string | URL, options?: SubscribeOptions): AsyncIterableIterator<LogEvent>;

/** Whether `currentHash` is the SHA-1 of the rest of the event. Says nothing about its place in the chain. */
export function verifyEvent(event: LogEvent): Promise<boolean>;

/** The log is not one unaltered chain. */
export class ChainError extends Error {
  name: 'ChainError';
  /** It does not link to `previous`; it is not what was hashed; or it links to `previous` but is older. */
  reason: 'previousHash' | 'currentHash' | 'timestamp';
  /** The first event that does not fit. */
  event: LogEvent;
  /** The one before it, as far as it is known. */
  previous: LogEvent | Seen | undefined;
}

import ReconnectingWebSocket from "partysocket/ws";

export type SocketState = "connecting" | "open" | "closed";

export interface Numbered {
  topic: string;
  seq: number;
  at: string;
  data: unknown;
}

/** What the server says: a message of a topic, or a word about the connection. */
type Frame = (Numbered & { type: "message" }) | { type: "subscribed" | "pong" | "error" };

export interface SocketHandlers {
  /** Each time the server has taken the subscription, the first time and after every return. */
  onSubscribed: () => void;
  onMessage: (message: Numbered) => void;
  onState: (state: SocketState) => void;
  /** The server ended the login's right to listen. */
  onLoginEnded: () => void;
}

const LOGIN_ENDED = 4401;
const SILENCE_MS = 5_000;
const PONG_MS = 3_000;

/**
 * The one socket of a browser. It comes back by itself, within five seconds of the network's return, and asks after
 * five silent seconds whether the other end is still there: a connection that was cut is not told so by TCP.
 */
export class LiveSocket {
  readonly #socket: ReconnectingWebSocket;
  readonly #topics: string[];
  readonly #handlers: SocketHandlers;
  readonly #online = () => this.#socket.reconnect();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, topics: string[], handlers: SocketHandlers) {
    this.#topics = topics;
    this.#handlers = handlers;
    this.#socket = new ReconnectingWebSocket(url, [], {
      minReconnectionDelay: 500 + Math.random() * 500,
      maxReconnectionDelay: 2_000,
      reconnectionDelayGrowFactor: 1.5,
      connectionTimeout: 2_500,
      minUptime: 2_000,
      maxEnqueuedMessages: 0,
    });
    handlers.onState("connecting");
    this.#socket.addEventListener("open", () => {
      handlers.onState("open");
      this.#socket.send(JSON.stringify({ type: "subscribe", topics: this.#topics }));
      this.#listen();
    });
    this.#socket.addEventListener("close", (event) => {
      clearTimeout(this.#timer);
      handlers.onState("closed");
      if (event.code === LOGIN_ENDED) handlers.onLoginEnded();
    });
    this.#socket.addEventListener("message", (event) => this.#take(JSON.parse(String(event.data)) as Frame));
    window.addEventListener("online", this.#online);
  }

  close(): void {
    clearTimeout(this.#timer);
    window.removeEventListener("online", this.#online);
    this.#socket.close();
  }

  #take(frame: Frame): void {
    this.#listen();
    if (frame.type === "message") this.#handlers.onMessage(frame);
    else if (frame.type === "subscribed") this.#handlers.onSubscribed();
  }

  #listen(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#socket.send(JSON.stringify({ type: "ping" }));
      this.#timer = setTimeout(() => this.#socket.reconnect(), PONG_MS);
    }, SILENCE_MS);
  }
}

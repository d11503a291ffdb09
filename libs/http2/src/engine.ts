/*
 * The port between the gateway and whatever speaks HTTP/2.
 *
 * The proxy needs very little of HTTP/2: streams with flat header pairs, data, trailers, credit, and resets that say
 * whether the call was processed. That is all this file has, so that an engine can be replaced without a change in the
 * proxy. No type of `node:http2` may appear here.
 *
 * Credit is counted in bytes of DATA and flows against the data. An engine delivers data with `onData` and counts it
 * as held by the receiver until `release` gives it back; when too much is held, it stops reading that stream, and
 * HTTP/2's window stops the peer. What was passed to `sendData` is reported with `onSent` once it has left. A proxy
 * releases on one side what was sent on the other, and so holds a bounded number of bytes whatever the two peers do.
 */
import { type Socket } from 'node:net';
import { type HeaderPairs } from './header-pairs';

export { type HeaderPairs } from './header-pairs';

/** Why a stream ended before its end. */
export interface StreamReset {
  /** HTTP/2 error code (RFC 9113 §7). */
  readonly code: number;
  /** True only when it is certain that the peer's application has not seen the call (REFUSED_STREAM, or above a GOAWAY's last stream). */
  readonly unprocessed: boolean;
  /** True when the connection broke; false when this one stream was reset. */
  readonly connectionLost: boolean;
  /** A few words for logs and messages. */
  readonly detail: string;
}

/** The detail of the reset of a stream whose peer sent more headers, or larger ones, than are taken. */
export const headerListTooLarge = 'header list too large';

/** What the owner of a stream is told. After `onEnd`, after headers that end the stream, and after `onReset`, nothing more comes of that direction. */
export interface StreamListener {
  /** The response's headers (client side only). When `endOfStream`, they are the trailers too, and no `onEnd` follows. */
  onHeaders(headers: HeaderPairs, endOfStream: boolean): void;
  /** Data, to be given back with {@link EngineStream.release}. */
  onData(chunk: Uint8Array): void;
  /** The peer has finished, with or without trailers. */
  onEnd(trailers: HeaderPairs | undefined): void;
  /** So many bytes given to `sendData` have left. */
  onSent(bytes: number): void;
  /** The stream was ended before its end. Not called for resets of our own. */
  onReset(reset: StreamReset): void;
  /** Server side: the connection has its age, and the grace for open streams is over. What has not ended a second later is cut with the connection. */
  onOverdue?(): void;
  /** The last event of every stream, however it ended: what has not been sent by now never will be. */
  onClosed(): void;
}

/** One HTTP/2 stream, of either side. All calls after the stream's end are ignored. */
export interface EngineStream {
  /** Must be called before the engine's callback that handed the stream over returns. */
  setListener(listener: StreamListener): void;
  /** The response's headers (server side only). */
  sendHeaders(headers: HeaderPairs, endOfStream: boolean): void;
  sendData(chunk: Uint8Array): void;
  /** Ends our direction; with trailers where given (server side only). */
  sendEnd(trailers?: HeaderPairs): void;
  /** Gives back credit for data that was delivered. */
  release(bytes: number): void;
  /** Ends both directions at once. */
  reset(code: number): void;
}

/** Takes a server's new streams. */
export interface ServerListener {
  /**
   * @param clientAddress the peer's IP address; empty when unknown.
   * @param clientPort the peer's port; 0 when unknown.
   * @param socket the connection's, which knows more about the peer.
   */
  onStream(
    stream: EngineStream,
    headers: HeaderPairs,
    endOfStream: boolean,
    clientAddress: string,
    clientPort: number,
    socket: Socket,
  ): void;
  /**
   * Answers a request whose header list is beyond the limits. Not called for a list of more than four times `headerListBytesMax`, whose stream is reset with
   * ENHANCE_YOUR_CALM. @default so are all
   *
   * @param headers what was kept: those in front of the one that was too much, and `content-type`, wherever it stood. Nobody has looked at them.
   */
  onHeadersTooLarge?(
    stream: EngineStream,
    headers: HeaderPairs,
    endOfStream: boolean,
    clientAddress: string,
  ): void;
  /** A connection was closed by a limit or a protocol error. */
  onConnectionError(detail: string): void;
}

/** The limits of a server engine. */
export interface ServerLimits {
  readonly connectionStreamsMax: number;
  readonly headerListBytesMax: number;
  readonly headerCountMax: number;
  /** How many bytes of one stream may be held by the proxy; also the stream's window. */
  readonly streamBufferBytesMax: number;
  readonly connectionMemoryBytesMax: number;
  /** Streams that a client may reset at once, and per second after that. */
  readonly streamResetBurst: number;
  readonly streamResetsPerSecond: number;
  /** A connection of this age (10 % more or less, by chance) is drained, so that its client comes again, perhaps elsewhere. @default never */
  readonly connectionAgeMaxMs?: number | undefined;
  /** … and closed when its streams have not ended within this; they are told before. */
  readonly connectionAgeGraceMs?: number | undefined;
  /** A connection without streams for this long is closed. Streams are never cut for being quiet. */
  readonly connectionIdleMs: number;
  /** A connection with streams that has sent nothing for this long is pinged. */
  readonly keepaliveMs: number;
  /** … and closed when it does not answer within this. */
  readonly keepaliveTimeoutMs: number;
}

/** Speaks HTTP/2 with clients. */
export interface ServerEngine {
  readonly connectionCount: number;
  readonly streamCount: number;
  /** Takes over a connected socket. Bytes that were read from it to find out its protocol have been unshifted. */
  adopt(socket: Socket): void;
  /** Asks every client to go elsewhere (GOAWAY in two steps), lets open streams finish, and resolves when all connections are closed. */
  drain(): Promise<void>;
  /** Closes everything now. */
  destroy(): void;
}

/** What the owner of an upstream connection is told. */
export interface ConnectionListener {
  /** Connected, and the peer's SETTINGS have come. */
  onReady(): void;
  /** A stream ended or the peer's limit rose: there may be room for another. */
  onCapacity(): void;
  /** The peer wants no further streams (GOAWAY); open ones go on. */
  onDraining(): void;
  /** The peer broke a rule or a limit of the protocol: the connection ends, and another one to it would too. */
  onViolation?(detail: string): void;
  /** The last call. `wasReady` is false when the connection could not be made. */
  onClosed(detail: string, wasReady: boolean): void;
}

/** A connection to one upstream address. */
export interface ClientConnection {
  /** Whether {@link open} may be called now. */
  readonly hasCapacity: boolean;
  readonly streamCount: number;
  /** Opens a stream, with its headers. Call only while `hasCapacity`. */
  open(headers: HeaderPairs, endOfStream: boolean, listener: StreamListener): EngineStream;
  /** Sends a PING; a peer that does not answer in time is taken for dead. */
  probe(): void;
  /** No new streams; closes when the open ones have ended. */
  drain(): void;
  /** Closes at once. */
  destroy(): void;
}

/** The limits of a client engine. */
export interface ClientLimits {
  readonly connectTimeoutMs: number;
  /** Streams on one connection, whatever the peer allows. */
  readonly connectionStreamsMax: number;
  readonly headerListBytesMax: number;
  readonly headerCountMax: number;
  readonly streamBufferBytesMax: number;
  /**
   * What the window of a stream begins with; it grows to `streamBufferBytesMax` as what has come is taken, while little waits for others. So a thousand large answers at
   * once cost no more than is being taken. @default streamBufferBytesMax
   */
  readonly streamWindowStartBytes?: number | undefined;
  readonly connectionMemoryBytesMax: number;
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
}

/** Speaks HTTP/2 with backends. */
export interface ClientEngine {
  /**
   * @param address host:port
   * @param serverName whom the server has to prove to be, where connections are secured. @default the address's host
   */
  connect(address: string, listener: ConnectionListener, serverName?: string): ClientConnection;
}

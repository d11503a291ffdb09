/*
 * The numbers of RFC 9113 that the engine speaks with. Error codes are in `http2-codes.ts`.
 */

/** Frame types (RFC 9113 §6). */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Frame flags (RFC 9113 §6). ACK and END_STREAM share a bit and never meet. */
export const frameFlag = {
  ack: 0x1,
  endStream: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const;

/** Settings (RFC 9113 §6.5.2). */
export const settingId = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

/** Bytes of a frame's head (RFC 9113 §4.1). */
export const frameHeadBytes = 9;

/**
 * The largest payload, in both directions. It is the initial SETTINGS_MAX_FRAME_SIZE (RFC 9113 §6.5.2), which every peer takes; larger frames would
 * keep other streams waiting and save nothing that shows.
 */
export const framePayloadBytesMax = 16_384;

/** Window of a stream and of a connection before anybody has said otherwise (RFC 9113 §6.9.2). */
export const initialWindowBytes = 65_535;

/** No window may exceed this (RFC 9113 §6.9.1); the greatest stream id, too (§5.1.1). */
export const windowBytesMax = 2 ** 31 - 1;
export const streamIdMax = 2 ** 31 - 1;

/** What every connection of a client begins with (RFC 9113 §3.4). */
export const clientPreface: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

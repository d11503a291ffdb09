/**
 * A decoded header block: what a HEADERS frame and its CONTINUATIONs say. The decoder hands out the same object for the same bytes, so that nothing of it
 * may be changed, and what is found out about it once holds for all.
 */
export class FieldSection {
  /** Names and values in turn, in the order of the wire. Incomplete when {@link isTooLarge}. */
  readonly pairs: string[] = [];
  /** Its size as RFC 9113 §6.5.2 counts: name, value and 32 for each field. */
  listBytes = 0;
  /** Beyond the limits of bytes or fields: the rest was decoded for the table's sake and dropped. */
  isTooLarge = false;
  /** The value of a `content-type` beyond them, which whoever answers has to know. */
  lateContentType: string | undefined;
  /** The kind of message that it was checked as; see `field-rules.ts`. */
  checkedAs = 0;
  /** What is wrong with it as that kind of message. */
  fault: string | undefined;
  /** The value of `content-length`; -1 when there is none. */
  contentLength = -1;
}

/** Overhead of a field in a header list and in the dynamic table (RFC 7541 §4.1). */
export const fieldOverheadBytes = 32;

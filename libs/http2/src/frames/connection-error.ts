/** The peer broke a rule that concerns the whole connection (RFC 9113 §5.4.1): it ends with a GOAWAY that carries code and text. */
export class ConnectionError extends Error {
  /**
   * @param code HTTP/2 error code (RFC 9113 §7).
   * @param message a few words; they go to the peer as debug data, so they hold nothing but the rule.
   */
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
    this.name = 'ConnectionError';
  }
}

/** A property of Raft, or a promise of its storage, that a run has broken. */
export class SafetyViolation extends Error {
  override readonly name = 'SafetyViolation';
}

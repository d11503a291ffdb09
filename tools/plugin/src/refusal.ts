/** Why nothing is generated; its message is one sentence that says what to do. Thrown before anything is written. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** What specs need that not every machine has. */
export interface Need {
  /** What is missing here, as a sentence without its end; undefined when nothing is. */
  readonly missing: string | undefined;
  /** False for what Debian and npm do not have, so that the gate cannot install it. @default true */
  readonly isInGate?: boolean;
}

/**
 * `describe` for specs that need something. Where it is missing, which is said once, they are counted as skipped, so that `npm test` works with nothing but Node.
 * In the gate, which installs what specs need and sets TEST_COMPLETE=true, they fail instead: nothing is skipped there unseen.
 */
export function describeWith({ missing, isInGate = true }: Need): jest.Describe {
  if (missing === undefined) return describe;
  if (isInGate && process.env['TEST_COMPLETE'] === 'true')
    throw new Error(`${missing}, and TEST_COMPLETE=true lets no spec be skipped`);
  process.stderr.write(`${missing}: the specs that need it are skipped\n`);
  return describe.skip;
}

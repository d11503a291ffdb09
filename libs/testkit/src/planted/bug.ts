/** One replacement in one source file. */
export interface SourceChange {
  /** Below the workspace. */
  readonly file: string;
  /** Occurs exactly once, or the patch does not apply. */
  readonly find: string;
  readonly replace: string;
}

/** A mistake that the simulator must find: by what it checks anyway, not by a test that was written for it. */
export interface SimulatedBug {
  readonly name: string;
  /** What the mistake is. */
  readonly story: string;
  /** Who made it, or who warns of it. */
  readonly source: string;
  readonly changes: readonly SourceChange[];
  /** To be looked for in groups whose members change. @default false */
  readonly changesMembers?: boolean | undefined;
  /** To be looked for in groups that read from leases, with clocks that differ. @default false */
  readonly leases?: boolean | undefined;
}

/** The source is not what the patch was written for: it must be looked at again, not skipped. */
export class PatchDoesNotApply extends Error {
  override readonly name = 'PatchDoesNotApply';
}

/** @throws PatchDoesNotApply unless `find` occurs exactly once. */
export function applyChange(bug: string, source: string, change: SourceChange): string {
  const parts = source.split(change.find);
  if (parts.length !== 2) {
    throw new PatchDoesNotApply(
      `${bug}: patch no longer applies: in ${change.file} there are ${parts.length - 1} places that read\n${change.find}`,
    );
  }
  return parts.join(change.replace);
}

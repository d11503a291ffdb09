/** Ids that one call was given, in the order in which it was given them. */
export interface IdBatch {
  /** For reports. */
  readonly name: string;
  /** Who made them: within one source, a call that began after another had ended gets larger ids. */
  readonly source: string;
  readonly invokedAt: number;
  readonly respondedAt: number;
  readonly ids: readonly bigint[];
}

/** How many violations are described. */
const FINDINGS_MAX = 10;

/**
 * Checks that no id was given out twice, that ids grow within a batch and, per source, in the order of time. Nothing is asked of the order of different
 * sources. Yields one sentence a violation, the first ten.
 */
export function checkUniqueIds(batches: readonly IdBatch[]): string[] {
  const findings: string[] = [];
  const owners = new Map<bigint, string>();
  for (const { name, ids } of batches) {
    for (const [position, id] of ids.entries()) {
      const owner = owners.get(id);
      if (owner !== undefined) findings.push(`id ${id} was given to ${owner} and to ${name}`);
      owners.set(id, name);
      const before = ids[position - 1];
      if (before !== undefined && before >= id) {
        findings.push(`${name} was given ${id} after ${before}`);
      }
    }
  }
  for (const [source, made] of bySource(batches)) findings.push(...checkGrowth(source, made));
  return findings.slice(0, FINDINGS_MAX);
}

function bySource(batches: readonly IdBatch[]): Map<string, IdBatch[]> {
  const sources = new Map<string, IdBatch[]>();
  for (const batch of batches) {
    if (batch.ids.length === 0) continue;
    const made = sources.get(batch.source);
    if (made === undefined) sources.set(batch.source, [batch]);
    else made.push(batch);
  }
  return sources;
}

/** Sweeps over the invocations and keeps the largest id among the calls that have ended before. */
function checkGrowth(source: string, batches: readonly IdBatch[]): string[] {
  const findings: string[] = [];
  const ended = [...batches].sort((one, other) => one.respondedAt - other.respondedAt);
  let next = 0;
  let largest: { readonly id: bigint; readonly name: string } | undefined;
  for (const batch of [...batches].sort((one, other) => one.invokedAt - other.invokedAt)) {
    for (; ; next += 1) {
      const candidate = ended[next];
      if (candidate === undefined || candidate.respondedAt >= batch.invokedAt) break;
      const id = candidate.ids.at(-1);
      if (id !== undefined && (largest === undefined || id > largest.id)) {
        largest = { id, name: candidate.name };
      }
    }
    const [first] = batch.ids;
    if (largest !== undefined && first !== undefined && first <= largest.id) {
      findings.push(
        `${source} gave ${first} to ${batch.name} after it had given ${largest.id} to ${largest.name}`,
      );
    }
  }
  return findings;
}

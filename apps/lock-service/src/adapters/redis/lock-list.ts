import { type LockView } from '../../domain/views';
import { RESPONSE_BYTES_MAX } from '../../service/messages';
import { type LockBackend } from '../../service/lock-backend';
import { lockView } from './replies';

/** What one script shows at most, so that none takes long: locks, waiters of one lock, waiters in all. */
const LOCKS_PER_SCRIPT_MAX = 100;
const LISTED_WAITERS_MAX = 100;
const WAITERS_PER_SCRIPT_MAX = 1_000;

/** No name in UTF-8 has this byte, so that prefix and byte come after all names with the prefix. */
const AFTER_ALL = Buffer.from([0xff]);

/** Pages of held locks in the order of their names' bytes, read by several scripts where one would take long. */
export class LockList {
  /** @param run The script LIST_LOCKS. */
  constructor(
    private readonly run: (
      args: readonly (string | number | Buffer)[],
    ) => Promise<readonly unknown[]>,
  ) {}

  async page(
    { prefix, after, count }: Parameters<LockBackend['locks']>[0],
    signal: AbortSignal,
  ): Promise<LockView[]> {
    const views: LockView[] = [];
    let bytes = 0;
    let last = after;
    // More than fits into a response is not shown: no need to read it.
    while (views.length < count && bytes <= 2 * RESPONSE_BYTES_MAX && !signal.aborted) {
      const wanted = Math.min(LOCKS_PER_SCRIPT_MAX, count - views.length);
      const range = [startOf(prefix, last), endOf(prefix)];
      const limits = [wanted, LISTED_WAITERS_MAX, WAITERS_PER_SCRIPT_MAX];
      const [lastName, ...locks] = await this.run([...range, ...limits]);
      for (const reply of locks) {
        bytes += JSON.stringify(reply).length;
        views.push(lockView(reply));
      }
      if (typeof lastName !== 'string' || lastName === '') break;
      last = lastName;
    }
    return views;
  }
}

function startOf(prefix: string, after: string): string {
  if (Buffer.compare(Buffer.from(after), Buffer.from(prefix)) >= 0)
    return after === '' ? '-' : `(${after}`;
  return `[${prefix}`;
}

function endOf(prefix: string): string | Buffer {
  return prefix === '' ? '+' : Buffer.concat([Buffer.from(`[${prefix}`), AFTER_ALL]);
}

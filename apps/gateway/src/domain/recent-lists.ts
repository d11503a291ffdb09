import { type HeaderPairs } from '@raftway/http2/rules';

const keptMax = 8;

/**
 * What was made of the last few header lists. Calls of one client that are alike share one list (the HPACK decoder remembers them), so that most are found here by
 * identity; those of others cost a look at a few places.
 */
export class RecentLists<Value> {
  private readonly lists: (HeaderPairs | undefined)[] = Array.from({ length: keptMax });
  private readonly values: (Value | undefined)[] = Array.from({ length: keptMax });
  private next = 0;

  get(list: HeaderPairs): Value | undefined {
    const place = this.lists.indexOf(list);
    return place === -1 ? undefined : this.values[place];
  }

  /** In the place of what was made of the list before, or else of the oldest. */
  set(list: HeaderPairs, value: Value): void {
    let place = this.lists.indexOf(list);
    if (place === -1) {
      place = this.next;
      this.next = (place + 1) % keptMax;
    }
    this.lists[place] = list;
    this.values[place] = value;
  }
}

import fc from 'fast-check';
import { DeadlineHeap, type Expirable } from './deadline-heap';

function item(order: number, deadlineMs: number): Expirable {
  return { order, deadlineMs, heapIndex: -1 };
}

describe('DeadlineHeap', () => {
  it('yields what is due, earliest first, and keeps the rest', () => {
    const heap = new DeadlineHeap<Expirable>();
    for (const [order, deadlineMs] of [30, 10, 40, 20].entries()) heap.add(item(order, deadlineMs));

    const due = heap.takeDue(30);

    expect(due.map((it) => it.deadlineMs)).toEqual([10, 20, 30]);
    expect(heap.peek()?.deadlineMs).toBe(40);
  });

  it('breaks ties by order, however the items came in', () => {
    const orders = [
      [0, 1, 2, 3, 4],
      [4, 3, 2, 1, 0],
      [2, 0, 4, 1, 3],
    ];

    const sequences = orders.map((sequence) => {
      const heap = new DeadlineHeap<Expirable>();
      for (const order of sequence) heap.add(item(order, 7));
      return heap.takeDue(7).map((it) => it.order);
    });

    for (const sequence of sequences) expect(sequence).toEqual([0, 1, 2, 3, 4]);
  });

  it('ignores the removal of an item that it does not hold', () => {
    const heap = new DeadlineHeap<Expirable>();
    const gone = item(1, 1);
    heap.add(gone);
    heap.add(item(2, 2));
    heap.remove(gone);

    heap.remove(gone);

    expect(heap.size).toBe(1);
  });

  it('agrees with a sorted list under any sequence of changes', () => {
    const change = fc.record({
      what: fc.constantFrom('add', 'remove', 'reschedule', 'takeDue'),
      pick: fc.nat(30),
      deadlineMs: fc.nat(20),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 80 }), (changes) => {
        const heap = new DeadlineHeap<Expirable>();
        let model: Expirable[] = [];
        const sorted = () => model.sort((a, b) => a.deadlineMs - b.deadlineMs || a.order - b.order);
        for (const [order, { what, pick, deadlineMs }] of changes.entries()) {
          const picked = model[pick % Math.max(1, model.length)];
          if (what === 'add') {
            const added = item(order, deadlineMs);
            heap.add(added);
            model.push(added);
          } else if (what === 'remove' && picked !== undefined) {
            heap.remove(picked);
            model = model.filter((it) => it !== picked);
          } else if (what === 'reschedule' && picked !== undefined) {
            heap.reschedule(picked, deadlineMs);
          } else if (what === 'takeDue') {
            const due = sorted().filter((it) => it.deadlineMs <= deadlineMs);
            expect(heap.takeDue(deadlineMs)).toEqual(due);
            model = model.filter((it) => !due.includes(it));
          }
          expect(heap.size).toBe(model.length);
          expect(heap.peek()).toBe(sorted()[0]);
        }
      }),
    );
  });
});

import fc from 'fast-check';
import { DeadlineHeap, type HeapItem } from './deadline-heap';

function drain(heap: DeadlineHeap<HeapItem>): number[] {
  const orders: number[] = [];
  for (let item = heap.peek(); item !== undefined; item = heap.peek()) {
    orders.push(item.order);
    heap.remove(item);
  }
  return orders;
}

describe('DeadlineHeap', () => {
  it('yields items by deadline, and by order when deadlines are equal', () => {
    const heap = new DeadlineHeap<HeapItem>();
    heap.add({ deadlineMs: 20, order: 1, heapPosition: -1 });
    heap.add({ deadlineMs: 10, order: 3, heapPosition: -1 });
    heap.add({ deadlineMs: 10, order: 2, heapPosition: -1 });

    expect(drain(heap)).toEqual([2, 3, 1]);
  });

  it('agrees with sorting, whatever is added, rescheduled and removed', () => {
    const step = fc.record({
      what: fc.constantFrom('add', 'reschedule', 'remove'),
      deadlineMs: fc.integer({ min: 0, max: 1000 }),
      pick: fc.nat(),
    });
    const added = fc.record({
      what: fc.constant('add'),
      deadlineMs: fc.integer({ min: 0, max: 1000 }),
      pick: fc.constant(0),
    });
    fc.assert(
      fc.property(fc.array(added, { maxLength: 60 }), fc.array(step), (adds, others) => {
        const steps = [...adds, ...others];
        const heap = new DeadlineHeap<HeapItem>();
        const model: HeapItem[] = [];
        steps.forEach(({ what, deadlineMs, pick }, order) => {
          const item = model[pick % Math.max(model.length, 1)];
          if (what === 'add' || item === undefined) {
            const newItem = { deadlineMs, order, heapPosition: -1 };
            model.push(newItem);
            heap.add(newItem);
          } else if (what === 'reschedule') heap.reschedule(item, deadlineMs);
          else {
            model.splice(model.indexOf(item), 1);
            heap.remove(item);
          }
        });
        model.sort((a, b) => a.deadlineMs - b.deadlineMs || a.order - b.order);
        expect(heap.size).toBe(model.length);
        expect(drain(heap)).toEqual(model.map(({ order }) => order));
      }),
      { numRuns: 200 },
    );
  });
});

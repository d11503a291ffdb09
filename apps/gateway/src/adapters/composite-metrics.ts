import { type Metrics } from '@raftway/observability';
import {
  type CompositeObserver,
  type CompositeResult,
  type PartResult,
} from '../web/composite-call';

/** Series of composite routes; further ones are not counted one by one. */
const combinationsMax = 2000;

/** Counts composite requests and their parts, by the route's `namespace/name`. */
export class CompositeMetrics implements CompositeObserver {
  private readonly requests;
  private readonly parts;

  constructor(metrics: Metrics) {
    this.requests = metrics.counter({
      name: 'raftway_gateway_composite_requests_total',
      help: 'Requests of composite routes by how they ended: complete, partial (parts that need not be there failed), failed or cancelled.',
      labels: ['route', 'result'],
      combinationsMax,
    });
    this.parts = metrics.counter({
      name: 'raftway_gateway_composite_parts_total',
      help: 'Parts of composite requests by how they ended: called, kept (answered from what was kept), shared (by the call of another request), failed or cancelled.',
      labels: ['route', 'part', 'result'],
      combinationsMax,
    });
  }

  onComposite(document: string, result: CompositeResult): void {
    this.requests.increment({ route: nameOf(document), result });
  }

  onPart(document: string, part: string, result: PartResult): void {
    this.parts.increment({ route: nameOf(document), part, result });
  }
}

/** `kind namespace/name` without the kind. */
function nameOf(document: string): string {
  return document.slice(document.indexOf(' ') + 1);
}

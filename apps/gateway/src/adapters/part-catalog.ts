import { PartResolver } from '../domain/composite-parts';
import { type CompiledComposite, type CompiledPart, type Fault } from '../domain/documents';
import { type JsonRoute, type JsonRoutes } from '../domain/json-routes';
import { type JsonCatalog } from './json-catalog';

/** The methods that parts of composites call, in what is registered now. */
export class PartCatalog {
  private readonly resolver = new PartResolver();

  constructor(private readonly json: JsonCatalog) {}

  /** All ways to methods by HTTP and JSON. */
  routes(): JsonRoutes {
    return this.json.routes();
  }

  /** The path of the gRPC method that a request becomes; undefined for none. @throws ServiceError for a path that is no UTF-8. */
  methodOf(httpMethod: string, path: string): string | undefined {
    return this.json.methodOf(httpMethod, path);
  }

  /** The method of a part, or why it cannot be called. */
  resolve(part: CompiledPart): JsonRoute | Fault {
    return this.resolver.resolve(part, this.routes());
  }

  /** Why parts of a composite cannot be called. */
  faultsOf(composite: CompiledComposite): Fault[] {
    return this.resolver.faultsOf(composite, this.routes());
  }
}

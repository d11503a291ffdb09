/** What is said of the methods of one gRPC service. */
interface ServiceMethods<Value> {
  ofAll: Value | undefined;
  readonly byMethod: Map<string, Value>;
}

/**
 * Values by method: of `package.Service/Method`, or else of `package.Service/*`, or else of `*`. Found by service and method, so that no such text is put together for
 * each call.
 */
export class MethodTable<Value> {
  private readonly services = new Map<string, ServiceMethods<Value>>();
  private otherwise: Value | undefined;

  constructor(entries: Iterable<readonly [string, Value]>) {
    for (const [name, value] of entries) {
      if (name === '*') this.otherwise = value;
      else this.add(name, value);
    }
  }

  /** Undefined when nothing is said of the method. */
  get(grpcService: string, method: string): Value | undefined {
    if (this.services.size === 0) return this.otherwise;
    const service = this.services.get(grpcService);
    return service?.byMethod.get(method) ?? service?.ofAll ?? this.otherwise;
  }

  private add(name: string, value: Value): void {
    const slash = name.indexOf('/');
    const grpcService = name.slice(0, slash);
    const method = name.slice(slash + 1);
    let service = this.services.get(grpcService);
    if (service === undefined) {
      service = { ofAll: undefined, byMethod: new Map() };
      this.services.set(grpcService, service);
    }
    if (method === '*') service.ofAll = value;
    else service.byMethod.set(method, value);
  }
}

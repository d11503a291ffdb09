import { type Logger } from '@raftway/observability';
import { grpcPathOf } from '@raftway/transcoding';
import { JsonRouteBuilder, type JsonRoutes } from '../domain/json-routes';
import { type MergedSchema } from '../domain/merged-schema';

/** Where routes are made from. */
export interface JsonSource {
  /** The files of all backends: another object after every change. */
  schema(): MergedSchema;
  /** Full names of the services that calls can reach; those that were known first come first. */
  serviceNames(): readonly string[];
}

/** The JSON routes of what is registered, built when they are first asked for after a change. */
export class JsonCatalog {
  private readonly builder = new JsonRouteBuilder();
  private seen: MergedSchema | undefined;
  private current: JsonRoutes | undefined;
  private readonly logged = new Set<string>();

  constructor(
    private readonly source: JsonSource,
    private readonly logger: Logger,
  ) {}

  routes(): JsonRoutes {
    const schema = this.source.schema();
    if (this.current === undefined || schema !== this.seen) {
      this.current = this.builder.build(schema, this.source.serviceNames());
      this.seen = schema;
      this.log(this.current);
    }
    return this.current;
  }

  /** The path of the gRPC method that a request becomes; undefined for none. @throws ServiceError for a path that is no UTF-8. */
  methodOf(httpMethod: string, path: string): string | undefined {
    const match = this.routes().router.match(httpMethod, path);
    return match.kind === 'found' ? grpcPathOf(match.target.binding.method) : undefined;
  }

  /** Each problem once, while it lasts. */
  private log({ problems }: JsonRoutes): void {
    const now = new Set(problems.map(({ grpcService, detail }) => `${grpcService}: ${detail}`));
    for (const text of this.logged) if (!now.has(text)) this.logged.delete(text);
    for (const { grpcService, detail } of problems) {
      const text = `${grpcService}: ${detail}`;
      if (this.logged.has(text)) continue;
      this.logged.add(text);
      this.logger.warn('not reached by JSON', { grpcService, detail });
    }
  }
}

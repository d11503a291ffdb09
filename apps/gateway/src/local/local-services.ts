import { type EngineStream, type HeaderPairs } from '@raftway/http2';
import { methodUnknown } from '../domain/refusal';
import { recordOf } from '../proxy/call-record';
import { DiscardingListener, sendRefusal } from '../proxy/reply';
import { LocalCall, type LocalCallContext, type LocalHandler } from './local-call';

/** Opens a call of one method. */
export type LocalMethod = (call: LocalCall) => LocalHandler;

/** The gateway's own gRPC services on its one port, by full service name and method. */
export class LocalServices {
  private readonly services: ReadonlyMap<string, ReadonlyMap<string, LocalMethod>>;

  constructor(
    private readonly context: LocalCallContext,
    services: Readonly<Record<string, Readonly<Record<string, LocalMethod>>>>,
  ) {
    this.services = new Map(
      Object.entries(services).map(([name, methods]) => [name, new Map(Object.entries(methods))]),
    );
  }

  serves(grpcService: string): boolean {
    return this.services.has(grpcService);
  }

  /** Answers a call of a service for which {@link serves} is true. */
  open(
    stream: EngineStream,
    grpcService: string,
    method: string,
    headers: HeaderPairs,
    requestEnded: boolean,
  ): void {
    const opener = this.services.get(grpcService)?.get(method);
    if (opener === undefined) {
      stream.setListener(new DiscardingListener(stream));
      const error = methodUnknown(grpcService, method);
      recordOf(stream)?.noteRefusal(error.code, error.reason);
      return sendRefusal(stream, error);
    }
    const call = new LocalCall(stream, headers, this.context);
    call.run(opener, requestEnded);
  }
}

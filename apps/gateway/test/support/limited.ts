import { status } from '@grpc/grpc-js';
import { type GatewayOptions } from '../../src/options';
import { DocumentGateway, routeTo } from './document-gateway';
import { type EchoClient, type Outcome } from './echo-backend';
import { errorInfo } from './harness';

const OK: number = status.OK;

/** A route of all calls to v1, with limits. @param spec fields of a YAML map */
export function limited(spec: string): string {
  return `${routeTo('v1')}---
apiVersion: gateway.raftway.dev/v1
kind: TrafficPolicy
metadata: { name: api }
spec: { targetRefs: [{ kind: GRPCRoute, name: all }], ${spec} }
`;
}

/** The gateways of one spec, each with limits and a client. */
export class LimitedGateways {
  private readonly all: DocumentGateway[] = [];

  async start(
    spec: string,
    options: Partial<GatewayOptions> = {},
  ): Promise<{ gateway: DocumentGateway; client: EchoClient }> {
    const gateway = await DocumentGateway.start({ 'a.yaml': limited(spec) }, options);
    this.all.push(gateway);
    return { gateway, client: gateway.harness.client() };
  }

  async close(): Promise<void> {
    for (const one of this.all.splice(0)) await one.close();
  }
}

/** OK, or the reason of the refusal. */
export function said({ code, trailers }: Outcome): string {
  return code === OK ? 'OK' : (errorInfo(trailers)?.reason ?? `status ${code}`);
}

/** What each of some calls is answered, one after the other. */
export async function answers(count: number, call: () => Promise<Outcome>): Promise<string[]> {
  const all: string[] = [];
  for (let made = 0; made < count; made += 1) all.push(said(await call()));
  return all;
}

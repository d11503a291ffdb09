import { table } from '../command/table';
import type { ProcessPlan } from './suite';

/** The suite's addresses. */
export function addressTable(
  running: readonly { readonly plan: ProcessPlan; readonly pid: number | undefined }[],
): string {
  return table([
    ['PROCESS', 'ADDRESS', 'METRICS AND HEALTH', 'PID'],
    ...running.map(({ plan, pid }) => [
      plan.name,
      plan.address,
      `http://${plan.httpAddress}/readyz`,
      String(pid ?? '-'),
    ]),
  ]);
}

/** Four calls to paste. */
export function exampleCalls(gateway: string): string {
  return [
    `grpcurl -plaintext -d '{"name": "Ada"}' ${gateway} helloworld.Greeter/SayHello`,
    `grpcurl -plaintext -d '{"name": "printer", "ttl": "30s"}' ${gateway} raftway.lock.v1.LockService/Acquire`,
    `grpcurl -plaintext -d '{"count": 3}' ${gateway} raftway.id.v1.IdService/GenerateIds`,
    `grpcurl -plaintext ${gateway} raftway.registry.v1.RegistryService/ListServices`,
  ].join('\n');
}

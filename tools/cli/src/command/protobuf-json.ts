import { fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf';
import { contractsRegistry } from '@raftway/contracts';

/** A message type of the contracts, as their generated code has it. */
interface Encoding<Message> {
  encode(message: Message): { finish(): Uint8Array };
}

/** One of the contracts' messages as protobuf's own JSON, where a duration is "1.5s": as `raftway call` and other gRPC tools print it. */
export function protobufJson<Message>(
  typeName: string,
  type: Encoding<Message>,
  message: Message,
): JsonValue {
  const registry = contractsRegistry();
  const schema = registry.getMessage(typeName);
  if (schema === undefined) throw new Error(`the contracts lack ${typeName}`);
  return toJson(schema, fromBinary(schema, type.encode(message).finish()), {
    registry,
    alwaysEmitImplicit: true,
  });
}
